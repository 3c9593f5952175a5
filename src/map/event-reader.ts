import type { Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { optionsOf, refused } from '../options.ts'
import { EventIterator } from './event-iterator.ts'
import { openSource, type Source } from './event-source.ts'
import { type EventType, eventDecoder } from './event-types.ts'
import type { BpfMap } from './map.ts'
import type { RawCallback, RecordRing } from './record-ring.ts'
import { holdProcess, stopWaking, wakeOn } from './wakeups.ts'

/** How events are read. */
export interface EventOptions {
  /**
   * The struct of the object's BTF that each record is, by which it is decoded; or a function that says which by the bytes
   * of the record. Without, a record is its bytes.
   */
  readonly type?: EventType
  /** Of a perf buffer: how many bytes each CPU has at least. Default 65,536; a power of two of pages. */
  readonly bytesPerCpu?: number
  /** Closes the reader when it is aborted. */
  readonly signal?: AbortSignal
}

/** So many records are handed over in one turn of the event loop, so that it comes to other things. */
const recordsATurn = 1024

/** Whoever is to be told that there may be records, or that there will be none. */
interface Consumer {
  wake(): void
  end(error?: unknown): void
}

/**
 * Reads what programs write to a ring buffer or perf buffer: `for await`, or by a callback with {@link each}, or when it
 * suits with {@link take}. A record is taken when it is handed over, and not before: what is not taken stays in the buffer,
 * and where that is full, programs are told so. How many records a full ring buffer refused only programs can count;
 * of perf buffers see {@link lost}.
 *
 * Ends by {@link close}, which `using`, leaving the loop, the signal and closing the map do, too.
 *
 * @example
 * for await (const event of object.maps.get('events').events({ type: 'event' })) console.log(event)
 */
export class EventReader<T = Value> implements AsyncIterable<T> {
  readonly #name: string
  readonly #options: EventOptions
  #sources: readonly Source[] = []
  #consumer: Consumer | undefined
  #immediate: NodeJS.Immediate | undefined
  /** Of sources that are closed. */
  #lost: number | undefined
  /** Are the sources before the last written to no more? */
  #isSettled = false
  #isListening = false
  #isWaiting = false
  #isHolding = false
  #isReferenced = true
  #isClosed = false
  readonly #onClose: (reader: EventReader<unknown>) => void
  readonly #abort = (): void => this.close()

  /** @internal Use `map.events()`. */
  constructor(map: BpfMap, given: EventOptions | undefined, onClose: (reader: EventReader<unknown>) => void) {
    const options = optionsOf(given, 'events()')
    this.#name = map.name
    this.#options = options
    this.#onClose = onClose
    if (options.signal?.aborted) {
      this.#isClosed = true
      return
    }
    this.#sources = [openSource(map, options)]
    options.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  get closed(): boolean {
    return this.#isClosed
  }

  /**
   * How many records a perf buffer had no room for, as far as that was read: the kernel says it in the next record that fits.
   * Of a ring buffer `undefined`: the program is told (bpf_ringbuf_reserve returns NULL), and nobody else.
   */
  get lost(): number | undefined {
    return this.#sources.reduce((sum, { ring }) => added(sum, ring.lost), this.#lost)
  }

  /** Bytes in the buffer that are not taken yet. */
  get pending(): number {
    return this.#sources.reduce((sum, { ring }) => sum + ring.pending, 0)
  }

  /**
   * Hands over what is there now, at most `limit` records, and returns how many. It does not wait, and also finds records
   * that were written with BPF_RB_NO_WAKEUP.
   *
   * @throws BpfError `ERR_CLOSED`, `ERR_VALUE` for a record that is shorter than its type or a `use` that is no function,
   * `ERR_IN_USE`; and what `use` throws: the record that it was given is taken.
   */
  take(use: (event: T) => void, limit: number = Number.POSITIVE_INFINITY): number {
    this.#mustBeOpen()
    mustBeFunction(use)
    let taken = 0
    for (const { ring, decode } of this.#sources) {
      try {
        while (taken < limit && ring.next()) {
          taken++
          // what a type decodes to is for the caller to say
          use(decode(ring) as T)
        }
      } finally {
        ring.release()
      }
    }
    this.#dropDrained()
    return taken
  }

  /** As {@link take}, without decoding or copying: nothing is allocated for a record. */
  takeRaw(use: RawCallback, limit: number = Number.POSITIVE_INFINITY): number {
    this.#mustBeOpen()
    mustBeFunction(use)
    let taken = 0
    for (const { ring } of this.#sources) {
      try {
        taken += ring.takeRaw(use, limit - taken)
      } finally {
        ring.release()
      }
    }
    this.#dropDrained()
    return taken
  }

  /**
   * Hands over every record as it comes, up to 1,024 in a turn of the event loop.
   *
   * @returns fulfilled when the reader is closed; rejected, and the reader closed, with what {@link take} throws
   */
  each(use: (event: T) => void): Promise<void> {
    return this.#consume(use, () => this.take(use, recordsATurn))
  }

  /** As {@link each}, of records as {@link takeRaw} gives them. */
  eachRaw(use: RawCallback): Promise<void> {
    return this.#consume(use, () => this.takeRaw(use, recordsATurn))
  }

  /** Leaving the loop closes the reader; records that were not handed over stay in the buffer. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const events = new EventIterator<T>({
      take: use => this.take(use, 1),
      wait: isWaiting => this.#wait(isWaiting),
      again: () => this.#again(),
      close: error => this.#close(error),
    })
    this.#claim(events)
    if (this.#isClosed) events.end()
    return events
  }

  /** Waiting for records keeps the process alive again. */
  ref(): this {
    this.#isReferenced = true
    this.#hold(this.#isWaiting)
    return this
  }

  /** Waiting for records keeps the process alive no more: it can end when nothing else is left to do. */
  unref(): this {
    this.#hold(false)
    this.#isReferenced = false
    return this
  }

  /** What was not taken stays in the buffer. A second time does nothing. */
  close(): void {
    this.#close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal There may be records. */
  wake(): void {
    this.#consumer?.wake()
  }

  /** @internal It would wait for ever. */
  fail(error: unknown): void {
    this.#close(error)
  }

  /**
   * @internal The map is another from now on: what is in the old one comes first, also what its programs still write to it
   * until {@link settle}.
   */
  follow(map: BpfMap): void {
    if (this.#isClosed) return
    const old = this.#sources.at(-1)
    try {
      if (old?.map === map.id) {
        this.#sources = [
          ...this.#sources.slice(0, -1),
          { ...old, decode: eventDecoder(map, this.#options.type) },
        ]
        return
      }
      const fresh = openSource(map, this.#options)
      this.#sources = [...this.#sources, fresh]
      this.#isSettled = false
      if (this.#isListening) for (const fd of fresh.ring.fds) wakeOn(fd, this)
      this.#again()
    } catch (error) {
      this.#close(error)
    }
  }

  /** @internal Nothing is written any more to the map before. */
  settle(): void {
    this.#isSettled = true
    this.#again()
  }

  #dropDrained(): void {
    const count = this.#sources.length
    if (count <= 1) return
    // whoever is two behind was done when the one that is one behind was replaced
    const settled = this.#isSettled ? count - 1 : count - 2
    for (const { ring } of this.#sources.slice(0, settled)) if (ring.pending === 0) this.#drop(ring)
    this.#sources = this.#sources.filter(({ ring }) => !ring.closed)
  }

  #consume(use: unknown, turn: () => number): Promise<void> {
    return new Promise((resolve, reject) => {
      mustBeFunction(use)
      this.#claim({
        wake: () => {
          try {
            if (turn() === recordsATurn) this.#again()
          } catch (error) {
            this.#close(error)
          }
        },
        end: error => (error === undefined ? resolve() : reject(error)),
      })
      if (this.#isClosed) resolve()
      else this.#wait(true)
    })
  }

  #claim(consumer: Consumer): void {
    if (this.#consumer) {
      throw new BpfError(`the events of '${this.#name}' are read already, by this reader`, {
        code: 'ERR_IN_USE',
        hint: 'one loop or callback reads all of them',
      })
    }
    this.#consumer = consumer
  }

  /** Whoever begins to wait is woken by what comes from now on, and looks once more for what came before. */
  #wait(isWaiting: boolean): void {
    if (isWaiting && !this.#isListening) {
      this.#isListening = true
      try {
        for (const { ring } of this.#sources) for (const fd of ring.fds) wakeOn(fd, this)
      } catch (error) {
        this.#close(error)
        return
      }
      this.#again()
    }
    this.#hold(isWaiting)
    this.#isWaiting = isWaiting
  }

  #hold(isHeld: boolean): void {
    const holds = isHeld && this.#isReferenced
    if (holds === this.#isHolding) return
    this.#isHolding = holds
    holdProcess(holds ? 1 : -1)
  }

  /** Goes on in the next turn of the event loop, which that alone does not keep alive. */
  #again(): void {
    if (this.#isClosed) return
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined
      this.wake()
    })
    if (!this.#isReferenced) this.#immediate.unref()
  }

  #drop(ring: RecordRing): void {
    if (this.#isListening) for (const fd of ring.fds) stopWaking(fd, this)
    this.#lost = added(this.#lost, ring.lost)
    ring.close()
  }

  #close(error?: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#hold(false)
    this.#isWaiting = false
    if (this.#immediate) clearImmediate(this.#immediate)
    for (const { ring } of this.#sources) this.#drop(ring)
    this.#sources = []
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#onClose(this)
    this.#consumer?.end(error)
  }

  #mustBeOpen(): void {
    if (this.#isClosed) {
      throw new BpfError(`the reader of '${this.#name}' is closed`, { code: 'ERR_CLOSED' })
    }
  }
}

function mustBeFunction(use: unknown): void {
  if (typeof use !== 'function') throw refused('the callback', use, 'a function')
}

function added(sum: number | undefined, more: number | undefined): number | undefined {
  return more === undefined ? sum : (sum ?? 0) + more
}
