import { closeFd } from './files.ts'

/** What is left of something that was collected: it must not refer to it, or that would never be. */
interface Left {
  /** As a person calls it: `object 'counter'`. */
  readonly what: string
  release(): void
}

let registry: FinalizationRegistry<Left> | undefined
let hasWarned = false

/**
 * Has something released when its owner was collected, as somebody forgot to close it; the first time that is said by a
 * warning. Collecting takes its time, and may never be done: nothing should count on it.
 */
export function whenForgotten(owner: object, left: Left): void {
  registry ??= new FinalizationRegistry(({ what, release }) => {
    release()
    warn(what)
  })
  registry.register(owner, left, owner)
}

/** The owner was closed. */
export function notForgotten(owner: object): void {
  registry?.unregister(owner)
}

function warn(what: string): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(`${what} was not closed before it was collected as garbage`, {
    code: 'BPFPIN_NOT_CLOSED',
    detail:
      'Its descriptors are closed now; its links stay. Declare it by `using`, or call close(). This is said once.',
  })
}

/** The descriptors of things that belong together, all of which refer to it: none goes as long as somebody has one. */
export class Keeper {
  readonly #open: { fds: readonly number[] | Set<number> | undefined } = { fds: [] }

  constructor(what: string) {
    const open = this.#open
    whenForgotten(this, {
      what,
      release() {
        for (const fd of open.fds ?? []) closeFd(fd)
      },
    })
  }

  /** All that are open now. */
  keep(fds: readonly number[]): void {
    this.#open.fds = fds
  }

  /** One was closed, and its number may be that of another now. */
  closed(fd: number): void {
    const { fds } = this.#open
    if (fds === undefined) return
    const left = fds instanceof Set ? fds : new Set(fds)
    left.delete(fd)
    this.#open.fds = left
  }

  /** All are about to be closed. */
  end(): void {
    this.#open.fds = undefined
    notForgotten(this)
  }
}
