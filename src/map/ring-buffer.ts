import { BpfError } from '../errors.ts'
import { type Mapping, mapMemory, systemError } from '../syscall/index.ts'
import { type BufferClaim, claimBuffer } from './buffer-claim.ts'
import { thisMachine } from './machine.ts'
import type { BpfMap } from './map.ts'
import { BatchMemory, batchSize, padded, type RawCallback, type RecordRing } from './record-ring.ts'

// The layout is that of Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c: a page with the consumer's position, one
// with the producers', and the data, which is mapped twice, so that a record that goes over the end is in one piece.
// Positions only grow. A record is a header of 8 bytes and its data; of the header's first word the upper bits say what
// it is, the others how long.
const headerSize = 8
const BUSY = 0x8000_0000 | 0
const DISCARDED = 0x4000_0000
const LENGTH = 0x3fff_ffff

/**
 * x86 makes loads in the order of the program (Intel SDM volume 3A, "Memory ordering"), so that the bytes of a record are
 * not read before the header that says they are there. Elsewhere that takes the acquiring load that Atomics.load is (on
 * arm64 `ldar`; V8 makes it and `Atomics.store` sequentially consistent, also on memory that is not a SharedArrayBuffer:
 * src/builtins/builtins-sharedarraybuffer-gen.cc), at five times the cost.
 */
const loadsInOrder = process.arch === 'x64'

/** The reading side of a BPF_MAP_TYPE_RINGBUF. There can be one at a time, as there is one position. Linux 5.8. */
export class RingBuffer implements RecordRing {
  readonly fds: readonly number[]
  readonly size: number
  readonly lost = undefined
  readonly cpu = undefined
  offset = 0
  length = 0
  readonly #name: string
  readonly #claim: BufferClaim
  readonly #batch = new BatchMemory()
  #shared: Shared | undefined
  /** Where in the ring the batch begins, and how far the kernel knows that it was read. */
  #base: number
  #released: number
  /** In the batch: the next record, and the end. */
  #at = 0
  #end = 0
  /** How many batches there were. */
  #batches = 0

  /** @throws BpfError `ERR_IN_USE` where this thread reads it already, `ERR_READ_ONLY`, or with the errno of mmap. */
  constructor(map: BpfMap) {
    this.#name = map.name
    this.size = map.maxEntries
    this.#claim = claimBuffer(map, 'ring buffer')
    this.fds = [this.#claim.fd]
    try {
      this.#shared = share(this.#claim.fd, map)
    } catch (error) {
      this.#claim.release()
      throw error
    }
    this.#base = Number(Atomics.load(this.#shared.position, 0))
    this.#released = this.#base
  }

  get bytes(): Uint8Array {
    return this.#batch.bytes
  }

  get view(): DataView {
    return this.#batch.view
  }

  get closed(): boolean {
    return this.#shared === undefined
  }

  get pending(): number {
    const shared = this.#shared
    return shared ? (Atomics.load(shared.producer, 0) - this.#base - this.#at) >>> 0 : 0
  }

  next(): boolean {
    for (;;) {
      if (this.#at === this.#end && !this.#fill()) return false
      const header = this.#batch.words[this.#at >> 2]!
      this.offset = this.#at + headerSize
      this.length = header & LENGTH
      this.#at = this.offset + padded(this.length)
      if ((header & DISCARDED) === 0) return true
    }
  }

  /** As {@link next} does, in one loop over the batch: a quarter less time. */
  takeRaw(use: RawCallback, limit: number): number {
    let taken = 0
    while (taken < limit && (this.#at < this.#end || this.#fill())) {
      const { words, bytes } = this.#batch
      const [end, batches] = [this.#end, this.#batches]
      let at = this.#at
      while (at < end && taken < limit) {
        const header = words[at >> 2]!
        const offset = at + headerSize
        const length = header & LENGTH
        at = offset + padded(length)
        this.#at = at
        if ((header & DISCARDED) !== 0) continue
        taken++
        use(bytes, offset, length)
        // it closed the ring, or took more itself, and may be as far in another batch
        if (this.#at !== at || this.#batches !== batches) break
      }
    }
    return taken
  }

  /**
   * This store and the loads of {@link #fill} are in one order that all CPUs agree on, and the kernel does the same the
   * other way round (bpf_ringbuf_commit: xchg of the header, then a look at the position): so either it sees that the
   * record is the next to be read, and wakes us, or we see the record.
   */
  release(): void {
    const position = this.#base + this.#at
    if (!this.#shared || position === this.#released) return
    // the position of somebody else is not ours to change; the next look at the ring says so
    if (!this.#isOurs(this.#shared)) return
    Atomics.store(this.#shared.position, 0, BigInt(position))
    this.#released = position
  }

  /** The lower half says enough, as no ring has 4 GB. */
  #isOurs({ consumer }: Shared): boolean {
    return Atomics.load(consumer, 0) === this.#released >>> 0
  }

  close(): void {
    if (!this.#shared) return
    this.release()
    const { mappings } = this.#shared
    this.#shared = undefined
    this.#base += this.#at
    this.#at = this.#end = 0
    for (const mapping of mappings) mapping.unmap()
    this.#claim.release()
  }

  /** Copies the next records that are whole, up to one that is still being written. */
  #fill(): boolean {
    this.release()
    const shared = this.#shared
    if (!shared) return false
    const base = this.#base + this.#at
    // the lower halves say enough, as no ring has 4 GB
    if (Atomics.load(shared.consumer, 0) !== base >>> 0)
      throw this.#readTwice('another process reads it, too')
    const available = (Atomics.load(shared.producer, 0) - base) >>> 0
    this.#base = base
    this.#at = this.#end = 0
    if (available === 0) return false
    const start = base % this.size
    const length = this.#measure(shared.headers, start, available)
    this.#batch.fit(length)
    this.#batch.bytes.set(shared.data.subarray(start, start + length))
    this.#end = length
    this.#batches++
    return length > 0
  }

  /** Bytes of whole records from `start` on, one at least if there is any. */
  #measure(headers: Int32Array, start: number, available: number): number {
    const most = Math.min(available, batchSize)
    let length = 0
    while (length < most) {
      const at = (start + length) >>> 2
      const header = loadsInOrder ? headers[at]! : Atomics.load(headers, at)
      if ((header & BUSY) !== 0) break
      const end = length + headerSize + padded(header & LENGTH)
      if (end > available) throw this.#readTwice('what it holds are no records where this one stands')
      if (end > batchSize && length > 0) break
      length = end
    }
    return length
  }

  #readTwice(why: string): BpfError {
    return new BpfError(`reading ring buffer '${this.#name}': ${why}`, {
      code: 'ERR_IN_USE',
      hint: 'a ring buffer has one reader, as each record is read once; close the other',
    })
  }
}

interface Shared {
  readonly mappings: readonly Mapping[]
  readonly position: BigUint64Array
  readonly consumer: Uint32Array
  readonly producer: Uint32Array
  readonly headers: Int32Array
  readonly data: Uint8Array
}

/** The consumer's page for writing, the others for reading: the kernel allows no more (ringbuf_map_mmap_kern). */
function share(fd: number, map: BpfMap): Shared {
  const { pageSize } = thisMachine()
  const mappings: Mapping[] = []
  const mapped = (
    length: number,
    options: { readonly write?: boolean; readonly offset?: number },
  ): ArrayBuffer => {
    const mapping = mapMemory(fd, length, options)
    if (typeof mapping !== 'number') {
      mappings.push(mapping)
      return mapping.buffer
    }
    for (const other of mappings) other.unmap()
    throw systemError(mapping, 'mmap', { doing: `reading ring buffer '${map.name}'` })
  }
  const consumer = mapped(pageSize, { write: true })
  const producer = mapped(pageSize + 2 * map.maxEntries, { offset: pageSize })
  return {
    mappings,
    position: new BigUint64Array(consumer, 0, 1),
    // of a position the lower half comes first: x64 and arm64 are little-endian
    consumer: new Uint32Array(consumer, 0, 1),
    producer: new Uint32Array(producer, 0, 1),
    headers: new Int32Array(producer, pageSize),
    data: new Uint8Array(producer, pageSize),
  }
}
