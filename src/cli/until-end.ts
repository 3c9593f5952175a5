/** Something that can also say that it is time to look. */
interface Closable {
  close(): void
}

/**
 * Looks, and again and again, until somebody ends it: SIGINT, SIGTERM, or a reader that closes the pipe. What takes long is done less
 * often. What
 * looking throws ends it, too.
 *
 * @param interval milliseconds
 * @param watch begins to watch what may change in between, if anything can be watched
 */
export function untilEnd(
  interval: number,
  look: () => void,
  watch?: (look: () => void) => Closable | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let watcher: Closable | undefined
    let isOver = false
    const end = (error?: unknown): void => {
      isOver = true
      clearTimeout(timer)
      watcher?.close()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
      process.stdout.off('close', end).off('error', end)
      // a signal comes with its name
      if (error instanceof Error && !isClosedPipe(error)) reject(error)
      else resolve()
    }
    const next = (): void => {
      const began = performance.now()
      clearTimeout(timer)
      try {
        look()
      } catch (error) {
        end(error)
        return
      }
      if (isOver) return
      timer = setTimeout(next, Math.max(interval, 4 * (performance.now() - began)))
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
    process.stdout.on('close', end).on('error', end)
    // only now, when a signal is heard
    watcher = watch?.(next)
    next()
  })
}

function isClosedPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE'
}
