import { BpfError } from '../errors.ts'
import { mapFlag } from '../spec/kernel.ts'
import { EPERM, MappedMemory, systemError } from '../syscall/index.ts'
import { roundUp } from './batches.ts'
import type { EntryCodecs } from './entry-codecs.ts'
import type { BpfMap } from './map.ts'
import type { Entry } from './types.ts'

/**
 * The slots of an array in memory that programs and other processes share: what is written is seen at once. A value of 8 bytes is
 * read and written in one access; a larger one may be seen half written. It stays that of the map that it was made of, also when an
 * object that follows goes on to a new generation.
 */
export class MapMemory<Value extends Entry = Entry, ValueInput extends Entry = Value> {
  /** How many slots. */
  readonly length: number
  readonly #name: string
  readonly #mapped: MappedMemory
  readonly #codecs: EntryCodecs
  /** Bytes from one slot to the next (kernel/bpf/arraymap.c: elem_size). */
  readonly #stride: number
  /** A value on its way in or out. */
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #view: DataView

  /** @internal Use `map.memory()`. */
  constructor(map: BpfMap, codecs: EntryCodecs) {
    this.length = map.maxEntries
    this.#name = map.name
    this.#codecs = codecs
    this.#stride = roundUp(codecs.valueSize)
    this.#bytes = new Uint8Array(codecs.valueSize)
    this.#view = new DataView(this.#bytes.buffer)
    this.#mapped = mapped(map, this.#stride * map.maxEntries)
  }

  /** `false` where the map was frozen: then nobody but programs can write. */
  get writable(): boolean {
    return this.#mapped.writable
  }

  get closed(): boolean {
    return this.#mapped.closed
  }

  /** The value of a slot now. @throws BpfError `ERR_VALUE` for a slot that there is not, `ERR_CLOSED`. */
  get(slot: number): Value {
    this.#mapped.readInto(this.#placeOf(slot), this.#bytes)
    // the one place where the types of a skeleton and those of BTF meet
    return this.#codecs.takeValue(this.#view, 0) as Value
  }

  /** Writes a slot. @throws BpfError `ERR_VALUE`, `ERR_READ_ONLY` for a frozen map, `ERR_CLOSED`. */
  set(slot: number, value: ValueInput): void {
    const place = this.#placeOf(slot)
    this.#codecs.putValue(value, this.#view, 0)
    if (!this.writable && !this.closed) {
      throw new BpfError(`the memory of map '${this.#name}' can only be read: the map is frozen`, {
        code: 'ERR_READ_ONLY',
      })
    }
    this.#mapped.write(place, this.#bytes)
  }

  /** Copies the bytes of a slot out. */
  getRaw(slot: number): Uint8Array {
    return this.#mapped.read(this.#placeOf(slot), this.#codecs.valueSize)
  }

  /** Ends the mapping; a second time does nothing. */
  close(): void {
    this.#mapped.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #placeOf(slot: number): number {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.length) {
      throw new BpfError(`map '${this.#name}' has slots 0 to ${this.length - 1}, and no ${String(slot)}`, {
        code: 'ERR_VALUE',
      })
    }
    return slot * this.#stride
  }
}

function mapped({ name, type, fd, shape, readOnly }: BpfMap, length: number): MappedMemory {
  if (type !== 'array' || (shape.flags & mapFlag.MMAPABLE) === 0) {
    throw new BpfError(`map '${name}' (${type}) cannot be mapped into memory`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'that takes an array with __uint(map_flags, BPF_F_MMAPABLE)',
    })
  }
  if (readOnly) {
    throw new BpfError(
      `map '${name}' was opened for reading only, and the kernel maps only what is open for both`,
      {
        code: 'ERR_READ_ONLY',
        hint: 'read it by get() or entries()',
      },
    )
  }
  const memory = MappedMemory.map(fd, length, { write: true })
  // frozen (kernel/bpf/syscall.c: bpf_map_mmap)
  const result = memory === EPERM ? MappedMemory.map(fd, length) : memory
  if (typeof result === 'number') {
    throw systemError(result, 'mmap', { doing: `mapping map '${name}' into memory`, since: '5.5' })
  }
  return result
}
