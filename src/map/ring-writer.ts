import type { Codec, Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import { type Mapping, mapMemory, systemError } from '../syscall/index.ts'
import { type BufferClaim, claimBuffer } from './buffer-claim.ts'
import { eventCodec } from './event-types.ts'
import { thisMachine } from './machine.ts'
import type { BpfMap } from './map.ts'
import { padded } from './record-ring.ts'

/** How values are written. */
export interface RingWriterOptions {
  /** The struct of the object's BTF that each record is. Without, records are given as bytes. */
  readonly type?: string
}

const headerSize = 8
/** Bytes of the longest record: programs get it as a dynptr (include/linux/bpf.h: DYNPTR_MAX_SIZE). */
const longest = 2 ** 24 - 1

/**
 * Writes records for programs to read, to a BPF_MAP_TYPE_USER_RINGBUF; they read when they are run
 * (bpf_user_ringbuf_drain). A ring has one writer at a time. Linux 6.1.
 *
 * @example if (!writer.write({ number: 1n })) console.log('the program is late')
 */
export class RingWriter<T = Value> {
  readonly #type: string | undefined
  readonly #onClose: (writer: RingWriter<never>) => void
  #ring: Ring
  #failure: unknown

  /** @internal Use `map.writer()`. */
  constructor(
    map: BpfMap,
    options: RingWriterOptions | undefined,
    onClose: (writer: RingWriter<never>) => void,
  ) {
    const { type } = optionsOf(options, 'writer()')
    this.#type = type
    this.#onClose = onClose
    this.#ring = openRing(map, type)
  }

  get closed(): boolean {
    return this.#ring.shared === undefined
  }

  /** Bytes of the ring; a record takes its own, rounded up to 8, and 8 more. */
  get size(): number {
    return this.#ring.size
  }

  /** Bytes that programs have not read yet. */
  get pending(): number {
    const { shared, position } = this.#ring
    return shared ? position - Number(Atomics.load(shared.consumer, 0)) : 0
  }

  /**
   * Writes a record, which programs see at once and as a whole.
   *
   * @returns `false` where the ring has no room for it until a program has read: nothing is written
   * @throws BpfError `ERR_VALUE` for what does not fit the type, or is longer than any record in this ring; `ERR_IN_USE` where
   * another process writes to the ring as well; `ERR_CLOSED`.
   */
  write(value: T | Uint8Array): boolean {
    const ring = this.#ring
    const { shared, position } = ring
    if (!shared) {
      throw this.#failure ?? new BpfError(`the writer of '${ring.name}' is closed`, { code: 'ERR_CLOSED' })
    }
    const bytes = value instanceof Uint8Array ? value : encoded(ring, value as Value)
    const length = headerSize + padded(bytes.length)
    if (length > ring.size || bytes.length > longest) throw tooLong(ring, bytes.length)
    if (Number(Atomics.load(shared.producer, 0)) !== position) throw writtenTwice(ring)
    if (length > ring.size - this.pending) return false
    const at = position % ring.size
    shared.headers[at >>> 2] = bytes.length
    shared.headers[(at >>> 2) + 1] = 0
    shared.data.set(bytes, at + headerSize)
    // what was written before is seen by whoever sees this (__bpf_user_ringbuf_peek: smp_load_acquire)
    ring.position += length
    Atomics.store(shared.producer, 0, BigInt(ring.position))
    return true
  }

  /** What was written stays there for programs to read. A second time does nothing. */
  close(): void {
    if (this.closed) return
    closeRing(this.#ring)
    this.#onClose(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Goes on with the ring of a new generation; what is in the old one is for the old programs. */
  follow(map: BpfMap): void {
    if (this.closed || this.#ring.id === map.id) return
    closeRing(this.#ring)
    try {
      this.#ring = openRing(map, this.#type)
    } catch (error) {
      // for whoever writes next
      this.#failure = error
      this.#onClose(this)
    }
  }
}

interface Ring {
  readonly id: number
  readonly name: string
  readonly size: number
  readonly codec: Codec | undefined
  readonly claim: BufferClaim
  shared: Shared | undefined
  /** Of the next record; grows for ever. */
  position: number
}

interface Shared {
  readonly mappings: readonly Mapping[]
  readonly consumer: BigUint64Array
  readonly producer: BigUint64Array
  readonly headers: Uint32Array
  readonly data: Uint8Array
}

/** The consumer's page for reading, the others for writing (ringbuf_map_mmap_user). */
function openRing(map: BpfMap, type: string | undefined): Ring {
  if (map.type !== 'user_ringbuf') {
    throw new BpfError(`map '${map.name}' takes no records: it is of type ${map.type}`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'records are written to maps of type user_ringbuf',
    })
  }
  const codec = type === undefined ? undefined : eventCodec(map, type)
  const claim = claimBuffer(map, 'user ring buffer')
  try {
    const shared = share(claim.fd, map)
    const position = Number(Atomics.load(shared.producer, 0))
    return { id: map.id, name: map.name, size: map.maxEntries, codec, claim, shared, position }
  } catch (error) {
    claim.release()
    throw error
  }
}

function share(fd: number, map: BpfMap): Shared {
  const { pageSize } = thisMachine()
  const doing = `writing to user ring buffer '${map.name}'`
  const reading = mapMemory(fd, pageSize)
  if (typeof reading === 'number') throw systemError(reading, 'mmap', { doing })
  const writing = mapMemory(fd, pageSize + 2 * map.maxEntries, { write: true, offset: pageSize })
  if (typeof writing === 'number') {
    reading.unmap()
    throw systemError(writing, 'mmap', { doing })
  }
  return {
    mappings: [reading, writing],
    consumer: new BigUint64Array(reading.buffer, 0, 1),
    producer: new BigUint64Array(writing.buffer, 0, 1),
    headers: new Uint32Array(writing.buffer, pageSize),
    // mapped twice, one after the other: a record that goes over the end is written in one piece
    data: new Uint8Array(writing.buffer, pageSize),
  }
}

function closeRing(ring: Ring): void {
  const mappings = ring.shared?.mappings ?? []
  ring.shared = undefined
  for (const mapping of mappings) mapping.unmap()
  ring.claim.release()
}

function encoded(ring: Ring, value: Value): Uint8Array {
  if (!ring.codec) {
    throw new BpfError(`a record for '${ring.name}' is a Uint8Array: its type is not known`, {
      code: 'ERR_VALUE',
      hint: 'name the type: map.writer({ type })',
    })
  }
  const bytes = new Uint8Array(ring.codec.size)
  ring.codec.encode(value, bytes)
  return bytes
}

function tooLong({ name, size }: Ring, length: number): BpfError {
  const most = Math.min(size - headerSize, longest)
  return new BpfError(`a record of ${length} bytes is too long for '${name}', which takes ${most}`, {
    code: 'ERR_VALUE',
    hint: 'a larger ring takes longer records (max_entries)',
  })
}

function writtenTwice({ name }: Ring): BpfError {
  return new BpfError(`writing to user ring buffer '${name}': another process writes to it, too`, {
    code: 'ERR_IN_USE',
    hint: 'a user ring buffer has one writer',
  })
}
