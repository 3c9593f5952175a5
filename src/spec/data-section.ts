import type { SectionBytes } from './placement.ts'
import type { Resized } from './resize.ts'

export type DataSectionKind = 'data' | 'rodata' | 'bss' | 'kconfig' | 'arena'

/** A data section of the object, which becomes an array map of one entry; or the start of its arena. */
export class DataSection {
  readonly kind: DataSectionKind
  /** Index in the ELF file; -1 for `.kconfig`, which is in none. */
  readonly index: number
  readonly #section: SectionBytes
  #contents: Uint8Array | undefined
  #resized: Resized | undefined

  constructor(kind: DataSectionKind, section: SectionBytes) {
    this.kind = kind
    this.index = section.index
    this.#section = section
  }

  /**
   * What the map starts with; variables write into it. As long as the map's value. Made when it is first asked for: a
   * small file can ask for much memory that is all zero. Of `.kconfig` it is zero until the kernel has been asked.
   */
  get contents(): Uint8Array {
    if (!this.#contents) {
      this.#contents = new Uint8Array(this.size)
      this.#contents.set(this.#section.data.subarray(0, this.size))
    }
    return this.#contents
  }

  /** A copy of some of it: to read a variable makes no more than that. */
  part(offset: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    bytes.set((this.#contents ?? this.#section.data).subarray(offset, offset + size))
    return bytes
  }

  /** Bytes. */
  get size(): number {
    return this.#resized?.sectionSize ?? this.#section.size
  }

  /** What its last variable has become. */
  get resized(): Resized | undefined {
    return this.#resized
  }

  /** What was there stays, as far as there is room. */
  resize(resized: Resized): void {
    const before = this.#contents
    this.#resized = resized
    if (!before) return
    this.#contents = new Uint8Array(this.size)
    this.#contents.set(before.subarray(0, this.size))
  }

  /** Frozen once they are written: programs are verified with them. */
  get isConstant(): boolean {
    return this.kind === 'rodata' || this.kind === 'kconfig'
  }

  /** Is there nothing but zeros, as the kernel makes every map? */
  get isZero(): boolean {
    if (this.kind === 'bss' && !this.#contents) return true
    return this.contents.every(byte => byte === 0)
  }
}
