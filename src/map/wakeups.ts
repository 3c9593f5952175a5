import {
  closedOnThrow,
  closeFd,
  epollAdd,
  epollCreate,
  epollDelete,
  epollWait,
  type Poll,
  startPoll,
  systemError,
} from '../syscall/index.ts'

/** Whoever waits for input of descriptors. */
export interface Sleeper {
  /** There may be something: look. Must not throw. */
  wake(): void
  /** Nobody will be woken any more: give up by {@link stopWaking}. Must not throw. */
  fail(error: unknown): void
}

/**
 * The one place where this thread waits for the kernel: a single epoll descriptor in the event loop, with the descriptors of
 * all readers in it. It is there while something is waited for, and keeps the process alive while somebody says so.
 */
class Wakeups {
  readonly #sleepers = new Map<Sleeper, number>()
  readonly #epollFd: number
  readonly #poll: Poll
  #holders = 0

  constructor() {
    this.#epollFd = epollCreate()
    if (this.#epollFd < 0) throw systemError(this.#epollFd, 'epoll_create1', { doing: 'waiting for events' })
    this.#poll = closedOnThrow(this.#epollFd, () => startPoll(this.#epollFd, () => this.#wakeAll()))
  }

  add(fd: number, sleeper: Sleeper): void {
    const result = epollAdd(this.#epollFd, fd)
    if (result < 0) throw systemError(result, 'epoll_ctl', { doing: 'waiting for events' })
    this.#sleepers.set(sleeper, (this.#sleepers.get(sleeper) ?? 0) + 1)
  }

  remove(fd: number, sleeper: Sleeper): void {
    epollDelete(this.#epollFd, fd)
    const left = (this.#sleepers.get(sleeper) ?? 1) - 1
    if (left > 0) this.#sleepers.set(sleeper, left)
    else this.#sleepers.delete(sleeper)
  }

  hold(change: 1 | -1): void {
    this.#holders += change
    if (this.#holders === (change === 1 ? 1 : 0)) this.#poll.hold(change === 1)
  }

  get isIdle(): boolean {
    return this.#sleepers.size === 0
  }

  close(): void {
    this.#poll.close()
    closeFd(this.#epollFd)
  }

  /**
   * All of them, whoever it was: looking costs less than asking, and a perf event forgets that it was readable as soon as
   * the outer of two nested epolls has asked (kernel/events/core.c: perf_poll).
   */
  #wakeAll(): void {
    epollWait(this.#epollFd, 0)
    for (const sleeper of [...this.#sleepers.keys()]) if (this.#sleepers.has(sleeper)) sleeper.wake()
    try {
      this.#poll.resume()
    } catch (error) {
      for (const sleeper of [...this.#sleepers.keys()]) sleeper.fail(error)
    }
  }
}

let wakeups: Wakeups | undefined

/** From now on `sleeper` is woken when there is input. The descriptor stays open until {@link stopWaking}. */
export function wakeOn(fd: number, sleeper: Sleeper): void {
  wakeups ??= new Wakeups()
  wakeups.add(fd, sleeper)
}

export function stopWaking(fd: number, sleeper: Sleeper): void {
  if (!wakeups) return
  wakeups.remove(fd, sleeper)
  if (!wakeups.isIdle) return
  wakeups.close()
  wakeups = undefined
}

/** One more, or one less, that keeps the process alive while it waits: after {@link wakeOn}, before {@link stopWaking}. */
export function holdProcess(change: 1 | -1): void {
  wakeups?.hold(change)
}
