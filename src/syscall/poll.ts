import { type NativePoll, native } from './native.ts'

/** What is polled cannot be collected. */
const open = new Set<Poll>()
let isWatchingExit = false

/**
 * Tells from the event loop that a descriptor is readable: once, then again after {@link resume}. The descriptor must be one
 * that can be polled, is polled nowhere else in this thread, and stays open until after {@link close}: libuv aborts
 * otherwise. An epoll descriptor of one's own is all that.
 */
export class Poll {
  readonly #onNative: () => void
  #handle: NativePoll | undefined

  constructor(fd: number, onReadable: () => void) {
    // What the callback of koffi throws surfaces in any later call, and promises that it settles may wait: so the work is
    // done in the phase of the loop that comes right after (napi_call_function runs no microtasks).
    const run = (): void => {
      if (this.#handle) onReadable()
    }
    // A worker that is ended while it works comes back to the loop once more, where a call of koffi's into it aborts the
    // process (node-addon-api: Error::ThrowAsJavaScriptException): so there is none while it works.
    this.#onNative = () => {
      this.#handle?.stop()
      setImmediate(run)
    }
    this.#handle = native().poll(fd, this.#onNative)
    this.#handle.unref()
    open.add(this)
    closeAtExit()
  }

  /** Tells again when there is something. */
  resume(): void {
    this.#handle?.start(this.#onNative)
  }

  /** Whether it keeps the process alive; at first it does not. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#handle?.ref()
    else this.#handle?.unref()
  }

  /** A second time does nothing. */
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
    for (const poll of open) poll.close()
  })
}
