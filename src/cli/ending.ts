/** Ends what goes on until somebody ends it. */
export interface Ending extends Disposable {
  /** Aborted by SIGINT, SIGTERM, or a reader that closes the pipe: none of these is an error. */
  readonly signal: AbortSignal
}

/** Listens from now on; signals do again what they always do when it is disposed. */
export function listenForEnd(): Ending {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  const { stdout } = process
  for (const signal of signals) process.on(signal, end)
  stdout.on('close', end).on('error', end)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, end)
      stdout.off('close', end).off('error', end)
    },
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const
