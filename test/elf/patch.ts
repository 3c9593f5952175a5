import { readFileSync } from 'node:fs'

// [offset, bytes] of the fields of Elf64_Ehdr, Elf64_Shdr, Elf64_Sym and Elf64_Rel (gABI, chapter 4)
const fileFields = {
  e_type: [16, 2],
  e_machine: [18, 2],
  e_version: [20, 4],
  e_shoff: [40, 8],
  e_ehsize: [52, 2],
  e_shentsize: [58, 2],
  e_shnum: [60, 2],
  e_shstrndx: [62, 2],
} as const
const sectionFields = {
  sh_name: [0, 4],
  sh_type: [4, 4],
  sh_flags: [8, 8],
  sh_offset: [24, 8],
  sh_size: [32, 8],
  sh_link: [40, 4],
  sh_info: [44, 4],
  sh_addralign: [48, 8],
  sh_entsize: [56, 8],
} as const
const symbolFields = {
  st_name: [0, 4],
  st_info: [4, 1],
  st_other: [5, 1],
  st_shndx: [6, 2],
  st_value: [8, 8],
  st_size: [16, 8],
} as const
const relocationFields = { r_offset: [0, 8], r_info: [8, 8] } as const

type Place = readonly [offset: number, bytes: number]

/** A copy of a fixture to be damaged field by field. It reads what it needs by itself, not with what is tested. */
export class Patch {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #littleEndian: boolean

  constructor(fixture: string) {
    this.bytes = new Uint8Array(readFileSync(new URL(`../fixtures/${fixture}`, import.meta.url)))
    this.#view = new DataView(this.bytes.buffer)
    this.#littleEndian = this.bytes[5] === 1
  }

  header(field: keyof typeof fileFields, value: number | bigint): this {
    return this.#write(0, fileFields[field], value)
  }

  /** A field of a section header, by the section's name or index. */
  section(section: string | number, field: keyof typeof sectionFields, value: number | bigint): this {
    return this.#write(this.#headerOf(section), sectionFields[field], value)
  }

  symbol(index: number, field: keyof typeof symbolFields, value: number | bigint): this {
    return this.#write(this.field('.symtab', 'sh_offset') + 24 * index, symbolFields[field], value)
  }

  relocation(section: string, i: number, field: keyof typeof relocationFields, value: number | bigint): this {
    return this.#write(this.field(section, 'sh_offset') + 16 * i, relocationFields[field], value)
  }

  /** Bytes of a section's contents, from its start or, with a negative offset, from its end. */
  contents(section: string, offset: number, ...bytes: number[]): this {
    const start = this.field(section, 'sh_offset') + (offset < 0 ? this.field(section, 'sh_size') : 0)
    this.bytes.set(bytes, start + offset)
    return this
  }

  /** What a section header holds. */
  field(section: string | number, field: keyof typeof sectionFields): number {
    return this.#read(this.#headerOf(section), sectionFields[field])
  }

  indexOf(name: string): number {
    const count = this.#read(0, fileFields.e_shnum)
    for (let i = 0; i < count; i++) {
      if (this.#nameOf(i) === name) return i
    }
    throw new Error(`the fixture has no section ${name}`)
  }

  #nameOf(index: number): string {
    const names = this.field(this.#read(0, fileFields.e_shstrndx), 'sh_offset')
    const start = names + this.field(index, 'sh_name')
    return Buffer.from(this.bytes.subarray(start, this.bytes.indexOf(0, start))).toString()
  }

  #headerOf(section: string | number): number {
    const index = typeof section === 'number' ? section : this.indexOf(section)
    return this.#read(0, fileFields.e_shoff) + 64 * index
  }

  #read(base: number, [offset, bytes]: Place): number {
    const at = base + offset
    if (bytes === 8) return Number(this.#view.getBigUint64(at, this.#littleEndian))
    return bytes === 4
      ? this.#view.getUint32(at, this.#littleEndian)
      : this.#view.getUint16(at, this.#littleEndian)
  }

  #write(base: number, [offset, bytes]: Place, value: number | bigint): this {
    const at = base + offset
    if (bytes === 8) this.#view.setBigUint64(at, BigInt(value), this.#littleEndian)
    else if (bytes === 4) this.#view.setUint32(at, Number(value), this.#littleEndian)
    else if (bytes === 2) this.#view.setUint16(at, Number(value), this.#littleEndian)
    else this.#view.setUint8(at, Number(value))
    return this
  }
}
