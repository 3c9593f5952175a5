/** What an iterator needs of its reader. */
export interface EventFeed<T> {
  /** Hands over one event, if there is one, and returns how many that was. */
  take(use: (event: T) => void): number
  wait(isWaiting: boolean): void
  /** Wakes the iterator in the next turn of the event loop. */
  again(): void
  close(error?: unknown): void
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>>): void
}

/** So many events come at once; then the event loop has a turn, which a loop over settled promises never gives it. */
const eventsATurn = 1024

/** Events one by one: each is taken from the ring when it is asked for. */
export class EventIterator<T> implements AsyncIterableIterator<T> {
  readonly #feed: EventFeed<T>
  readonly #waiters: Waiter<T>[] = []
  readonly #keep = (event: T): void => {
    this.#event = event
  }
  #event: T | undefined
  #left = eventsATurn
  #isEnded = false
  #failure: { readonly error: unknown } | undefined

  constructor(feed: EventFeed<T>) {
    this.#feed = feed
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isEnded) return this.#last()
    try {
      if (this.#waiters.length === 0 && this.#take()) return Promise.resolve(this.#result())
    } catch (error) {
      this.#feed.close()
      return Promise.reject(error)
    }
    return new Promise(resolve => {
      this.#waiters.push({ resolve })
      this.#feed.wait(true)
      if (this.#left === 0) this.#feed.again()
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#feed.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  wake(): void {
    this.#left = eventsATurn
    try {
      while (this.#waiters.length > 0 && this.#take()) this.#waiters.shift()?.resolve(this.#result())
    } catch (error) {
      this.#feed.close(error)
      return
    }
    if (this.#waiters.length === 0) this.#feed.wait(false)
    else if (this.#left === 0) this.#feed.again()
  }

  /** Whoever waits first, or asks next, gets the error; the others learn that it was the end. */
  end(error?: unknown): void {
    this.#isEnded = true
    if (error !== undefined) this.#failure = { error }
    for (const { resolve } of this.#waiters.splice(0)) resolve(this.#last())
  }

  #last(): Promise<IteratorResult<T, undefined>> {
    const failure = this.#failure
    this.#failure = undefined
    return failure ? Promise.reject(failure.error) : Promise.resolve({ done: true, value: undefined })
  }

  #take(): boolean {
    if (this.#left === 0 || this.#feed.take(this.#keep) === 0) return false
    this.#left--
    return true
  }

  #result(): IteratorResult<T, undefined> {
    // it was just taken
    const value = this.#event as T
    this.#event = undefined
    return { done: false, value }
  }
}
