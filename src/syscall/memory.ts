import { BpfError } from '../errors.ts'
import { notForgotten, whenForgotten } from './forgotten.ts'
import { bpf, call3, call6 } from './gate.ts'
import { native } from './native.ts'

/** Bytes that calls take by address. */
export interface Memory {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Good for as long as `bytes` is referenced: an address holds nothing alive. */
  readonly address: number
}

/** Zeroed memory, its address taken once (which costs as much as half a system call). Aligned to 8 bytes. */
export function allocate(length: number): Memory {
  const bytes = new Uint8Array(Math.max(length, 1)) // an empty array has no address
  return { bytes: bytes.subarray(0, length), address: native().address(bytes) }
}

const hold: { owner: unknown } = { owner: undefined }

/** Makes a call that takes the addresses of arrays, and keeps what `owner` refers to alive until it is back. */
export function holding(owner: unknown, call: () => number): number {
  hold.owner = owner
  const result = call()
  hold.owner = undefined
  return result
}

const held: { key: Memory | null; value: Memory | null } = { key: null, value: null }

/** As {@link holding}, for the two pieces of memory of a map call, without a function for each. */
export function bpfOn(key: Memory | null, value: Memory | null, cmd: number, size: number): number {
  held.key = key
  held.value = value
  const result = bpf(cmd, size)
  held.key = null
  held.value = null
  return result
}

/** Where an array is; 0 for an empty or absent one. To be used inside {@link holding}. */
export function addressOf(bytes: ArrayBufferView | undefined): number {
  return bytes === undefined || bytes.byteLength === 0 ? 0 : native().address(bytes)
}

/** Of what, and for what, memory is mapped. */
export interface MapOptions {
  readonly write?: boolean
  /** Bytes from the start, a multiple of the page. */
  readonly offset?: number
  /** At this address and no other; EEXIST where something is there already. Linux 4.17. */
  readonly address?: number
}

/** mmap(2), shared; the address, or a negative errno. */
export function mmap(
  fd: number,
  length: number,
  { write = false, offset = 0, address = 0 }: MapOptions = {},
): number {
  const PROT_READ = 1
  const PROT_WRITE = 2
  const MAP_SHARED = 1
  const MAP_FIXED_NOREPLACE = 0x100000
  const flags = address === 0 ? MAP_SHARED : MAP_SHARED | MAP_FIXED_NOREPLACE
  return call6('mmap', address, length, write ? PROT_READ | PROT_WRITE : PROT_READ, flags, fd, offset)
}

export function munmap(address: number, length: number): number {
  return call3('munmap', address, length, 0)
}

/**
 * Memory shared with the kernel. The mapping itself is never handed out, because JavaScript cannot take an array back:
 * touching it after munmap would kill the process. Every access here checks first, and copies.
 */
export class MappedMemory {
  /** Bytes. */
  readonly length: number
  readonly writable: boolean
  #address: number
  readonly #mapped: number
  #bytes: Uint8Array | undefined
  #words: BigUint64Array | undefined

  /**
   * Maps the first `length` bytes from `offset` on of a map, or returns a negative errno.
   *
   * @param options `mapped`: so many bytes are mapped, of which the first `length` are looked at
   */
  static map(
    fd: number,
    length: number,
    { mapped = length, ...options }: MapOptions & { readonly mapped?: number } = {},
  ): MappedMemory | number {
    const address = mmap(fd, mapped, options)
    return address < 0 ? address : new MappedMemory(address, length, mapped, options.write === true)
  }

  private constructor(address: number, length: number, mapped: number, writable: boolean) {
    this.#address = address
    this.#mapped = mapped
    this.length = length
    this.writable = writable
    // whole words, which the pages that were mapped always hold
    const view = native().view(address, Math.ceil(length / 8) * 8)
    this.#bytes = new Uint8Array(view, 0, length)
    whenForgotten(this, { what: 'memory of a map', release: () => void munmap(address, mapped) })
    this.#words = new BigUint64Array(view)
  }

  get closed(): boolean {
    return this.#bytes === undefined
  }

  /**
   * Copies bytes out. One aligned word of 8 bytes is read in one access, so that it is never seen half written.
   *
   * @throws BpfError `ERR_CLOSED` after {@link close}; RangeError outside the mapping.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#checked(offset, length)
    const copy = new Uint8Array(length)
    this.readInto(offset, copy)
    return copy
  }

  /** As {@link read}, into bytes of the caller's: as many as there is room for. */
  readInto(offset: number, into: Uint8Array<ArrayBuffer>): void {
    const bytes = this.#checked(offset, into.length)
    if (isWord(offset, into.length)) {
      word.setBigUint64(0, Atomics.load(this.#words!, offset >> 3), true)
      for (let i = 0; i < 8; i++) into[i] = wordBytes[i]!
    } else {
      into.set(bytes.subarray(offset, offset + into.length))
    }
  }

  /** Copies bytes in; otherwise as {@link read}. */
  write(offset: number, data: Uint8Array): void {
    const bytes = this.#checked(offset, data.length)
    if (!this.writable) throw new BpfError('the memory is mapped for reading only', { code: 'EACCES' })
    if (isWord(offset, data.length)) {
      for (let i = 0; i < 8; i++) wordBytes[i] = data[i]!
      Atomics.store(this.#words!, offset >> 3, word.getBigUint64(0, true))
    } else {
      bytes.set(data, offset)
    }
  }

  /** Unmaps; a second time does nothing. */
  close(): void {
    if (this.#bytes === undefined) return
    this.#bytes = undefined
    this.#words = undefined
    notForgotten(this)
    munmap(this.#address, this.#mapped)
  }

  #checked(offset: number, length: number): Uint8Array {
    if (this.#bytes === undefined)
      throw new BpfError('the memory is no longer mapped: it was closed', { code: 'ERR_CLOSED' })
    if (offset < 0 || length < 0 || offset + length > this.length) {
      throw new RangeError(`bytes ${offset} to ${offset + length} of a mapping of ${this.length}`)
    }
    return this.#bytes
  }
}

/** A word between memory and bytes, which need not be aligned. */
const wordBytes = new Uint8Array(8)
const word = new DataView(wordBytes.buffer)

function isWord(offset: number, length: number): boolean {
  return length === 8 && (offset & 7) === 0
}
