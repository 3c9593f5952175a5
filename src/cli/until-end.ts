import { listenForEnd } from './ending.ts'

/** Something that can also say that it is time to look. */
interface Closable {
  close(): void
}

/**
 * Looks, and again and again, until somebody ends it ({@link listenForEnd}). What takes long is done less often. What looking
 * throws ends it, too.
 *
 * @param interval milliseconds
 * @param watch begins to watch what may change in between, if anything can be watched
 */
export async function untilEnd(
  interval: number,
  look: () => void,
  watch?: (look: () => void) => Closable | undefined,
): Promise<void> {
  using ending = listenForEnd()
  let timer: NodeJS.Timeout | undefined
  let watcher: Closable | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const { signal } = ending
      const next = (): void => {
        const began = performance.now()
        clearTimeout(timer)
        try {
          look()
        } catch (error) {
          reject(error)
          return
        }
        if (!signal.aborted) timer = setTimeout(next, Math.max(interval, 4 * (performance.now() - began)))
      }
      signal.addEventListener('abort', () => resolve(), { once: true })
      // only now, when a signal is heard
      watcher = watch?.(next)
      next()
    })
  } finally {
    clearTimeout(timer)
    watcher?.close()
  }
}
