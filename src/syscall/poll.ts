import { closeAll } from '../closing.ts'
import { type NativePoll, native } from './native.ts'
import { WorkerPoll } from './worker-poll.ts'

/**
 * Tells from the event loop that a descriptor is readable: once, then again after `resume`. The descriptor is an epoll
 * descriptor that nobody else polls, and stays open until after `close`.
 */
export interface Poll {
  /** Tells again when there is something. */
  resume(): void
  /** Whether it keeps the thread alive; at first it does not. */
  hold(isHeld: boolean): void
  /** A second time does nothing. */
  close(): void
}

/** @param onReadable must not throw */
export function startPoll(fd: number, onReadable: () => void): Poll {
  const { isMainThread } = process.getBuiltinModule('node:worker_threads')
  return isMainThread ? new MainPoll(fd, onReadable) : new WorkerPoll(fd, onReadable)
}

/** What is polled cannot be collected. */
const open = new Set<Poll>()
let isWatchingExit = false

/** By libuv, which aborts for a descriptor that cannot be polled, is polled already, or is closed too early. */
class MainPoll implements Poll {
  readonly #onNative: () => void
  #handle: NativePoll | undefined

  constructor(fd: number, onReadable: () => void) {
    // What the callback of koffi throws surfaces in any later call, and promises that it settles may wait: so the work is
    // done in the phase of the loop that comes right after (napi_call_function runs no microtasks).
    const run = (): void => {
      if (this.#handle) onReadable()
    }
    this.#onNative = () => {
      this.#handle?.stop()
      setImmediate(run)
    }
    this.#handle = native().poll(fd, this.#onNative)
    this.#handle.unref()
    open.add(this)
    closeAtExit()
  }

  resume(): void {
    this.#handle?.start(this.#onNative)
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#handle?.ref()
    else this.#handle?.unref()
  }

  close(): void {
    this.#handle?.close()
    this.#handle = undefined
    open.delete(this)
  }
}

/** The loop runs once more when all is over, to close what is open (src/env.cc: Environment::CleanupHandles). */
function closeAtExit(): void {
  if (isWatchingExit) return
  isWatchingExit = true
  process.once('exit', () => {
    closeAll(open)
  })
}
