import type { Codec, Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { mapFlag } from '../spec/kernel.ts'
import { allocate, ENOTSUPP, MappedMemory, mapLookup, systemError } from '../syscall/index.ts'
import type { BpfMap } from './map.ts'

/** Where a variable lies, and how it is decoded. */
export interface VariableInit {
  readonly name: string
  /** Bytes from the start of the section's value. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  /** Made when the variable is first read or set. */
  readonly codec: () => Codec
}

/** The memory behind variables. */
export interface VariableMemory {
  readonly map: BpfMap
  /** Constants, or a map that was opened for reading only. */
  readonly readOnly: boolean
  read(offset: number, length: number): Uint8Array
  /** @throws BpfError `ERR_READ_ONLY` */
  write(offset: number, bytes: Uint8Array): void
  close(): void
}

/**
 * The memory of a live data section: mapped where the kernel allows it, so that programs and every process that has
 * it mapped see one memory; else read by looking up the section's one entry.
 */
export class SectionMemory implements VariableMemory {
  readonly map: BpfMap
  /** Constants, or a map that was opened for reading only. */
  readonly readOnly: boolean
  #mapped: MappedMemory | undefined
  /** The kernel maps no values with a lock, timer or kernel pointer in them (kernel/bpf/syscall.c: bpf_map_mmap). */
  #cannotBeMapped = false

  constructor(map: BpfMap, isConstant: boolean) {
    this.map = map
    this.readOnly = isConstant || map.readOnly
  }

  read(offset: number, length: number): Uint8Array {
    const mapped = this.#memory()
    return mapped ? mapped.read(offset, length) : this.#lookup().subarray(offset, offset + length)
  }

  write(offset: number, bytes: Uint8Array): void {
    const mapped = this.#memory()
    if (this.readOnly || !mapped) {
      const why = this.#cannotBeMapped ? ': a lock, timer or kernel pointer is among them' : ''
      throw new BpfError(`the variables of '${this.map.name}' can only be read${why}`, {
        code: 'ERR_READ_ONLY',
      })
    }
    mapped.write(offset, bytes)
  }

  close(): void {
    this.#mapped?.close()
  }

  /** A map opened read-only cannot be mapped at all (kernel/bpf/syscall.c: bpf_map_mmap), a frozen one needs no mapping. */
  #memory(): MappedMemory | undefined {
    if (this.readOnly || this.#cannotBeMapped || (this.map.shape.flags & mapFlag.MMAPABLE) === 0)
      return undefined
    if (this.#mapped) return this.#mapped
    const mapped = MappedMemory.map(this.map.fd, this.map.valueSize, { write: true })
    if (mapped === ENOTSUPP) {
      this.#cannotBeMapped = true
      return undefined
    }
    if (typeof mapped === 'number') {
      throw systemError(mapped, 'mmap', { doing: `mapping the variables of '${this.map.name}'` })
    }
    this.#mapped = mapped
    return mapped
  }

  #lookup(): Uint8Array {
    const key = allocate(4)
    const value = allocate(this.map.valueSize)
    const result = mapLookup(this.map.fd, key, value)
    if (result < 0) {
      throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', {
        doing: `reading the variables of '${this.map.name}'`,
      })
    }
    return value.bytes
  }
}

/**
 * A global variable of a loaded object: what is read and set here is what programs see, at once. A typed skeleton says
 * what is read, `T`, and what is taken, `Input`.
 */
export class Variable<T extends Value = Value, Input extends Value = T> {
  readonly name: string
  #place: VariableInit
  #memory: VariableMemory

  constructor(place: VariableInit, memory: VariableMemory) {
    this.name = place.name
    this.#place = place
    this.#memory = memory
  }

  /** Bytes. */
  get size(): number {
    return this.#place.size
  }

  /** The map of its section: `.bss`. */
  get map(): string {
    return this.#memory.map.name
  }

  /** `true` for constants, and for everything of an object that was opened for reading only. */
  get readOnly(): boolean {
    return this.#memory.readOnly
  }

  /** Its value now. A 64-bit integer is read in one access; a struct may be seen half written. */
  get(): T {
    const { offset, size, codec } = this.#place
    // what a skeleton says it is, which was generated from the types that the codec was made from
    return codec().decode(this.#memory.read(offset, size)) as T
  }

  /**
   * Sets it for all programs and processes.
   *
   * @throws BpfError `ERR_VALUE` where the value does not fit the type, `ERR_READ_ONLY` for constants.
   */
  set(value: Input): void {
    const { offset, size, codec } = this.#place
    const bytes = new Uint8Array(size)
    codec().encode(value, bytes)
    this.#memory.write(offset, bytes)
  }

  /** @internal Goes on as a variable of another generation. */
  become(other: Variable): void {
    this.#place = other.#place
    this.#memory = other.#memory
  }
}
