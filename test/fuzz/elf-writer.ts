/** A section to be written. */
export interface NewSection {
  readonly name: string
  readonly type: number
  readonly flags?: number
  readonly data?: Uint8Array
  /** Of NOBITS. */
  readonly size?: number
  readonly link?: number
  readonly info?: number
  readonly entrySize?: number
  /** Default 8. */
  readonly align?: number
}

export interface NewSymbol {
  readonly name: string
  readonly value: number
  readonly size: number
  /** st_info: binding << 4 | type. */
  readonly info: number
  readonly section: number
}

export interface NewRelocation {
  readonly offset: number
  readonly type: number
  readonly symbol: number
}

const NOBITS = 8

/**
 * Writes a relocatable ELF file for BPF (gABI, chapter 4): the null section, the given ones from index 1 on, and behind
 * them the symbol table, its names and the names of sections.
 */
export class ElfWriter {
  readonly #littleEndian: boolean
  readonly #sections: NewSection[] = []
  readonly #symbols: NewSymbol[] = []
  readonly #relocations = new Map<number, readonly NewRelocation[]>()

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian
  }

  /** -> its index */
  section(section: NewSection): number {
    return this.#sections.push(section)
  }

  /** -> its index */
  symbol(symbol: NewSymbol): number {
    return this.#symbols.push(symbol)
  }

  relocate(section: number, relocations: readonly NewRelocation[]): void {
    if (relocations.length > 0) this.#relocations.set(section, relocations)
  }

  finish(): Uint8Array {
    const all: NewSection[] = [{ name: '', type: 0 }, ...this.#sections]
    const symbolsAt = all.length + this.#relocations.size
    for (const [section, relocations] of this.#relocations) {
      const name = `.rel${all[section]!.name}`
      const data = this.#records(16, relocations, (view, at, one) => this.#writeRelocation(view, at, one))
      all.push({ name, type: 9, data, link: symbolsAt, info: section, entrySize: 16 })
    }
    const names = new Names()
    const symbols = [{ name: '', value: 0, size: 0, info: 0, section: 0 }, ...this.#symbols]
    const data = this.#records(24, symbols, (view, at, one) => this.#writeSymbol(view, at, one, names))
    all.push({ name: '.symtab', type: 2, data, link: symbolsAt + 1, info: 1, entrySize: 24 })
    all.push({ name: '.strtab', type: 3, data: names.bytes() })
    const sectionNames = new Names()
    for (const { name } of all) sectionNames.offsetOf(name)
    sectionNames.offsetOf('.shstrtab')
    all.push({ name: '.shstrtab', type: 3, data: sectionNames.bytes() })
    return this.#layOut(all, sectionNames)
  }

  #layOut(all: readonly NewSection[], names: Names): Uint8Array {
    const places: number[] = []
    let end = 64
    for (const { data } of all) {
      places.push(end)
      end = Math.ceil((end + (data?.length ?? 0)) / 8) * 8
    }
    const bytes = new Uint8Array(end + 64 * all.length)
    const view = new DataView(bytes.buffer)
    this.#writeHeader(view, end, all.length)
    for (const [i, section] of all.entries()) {
      if (section.data) bytes.set(section.data, places[i])
      this.#writeSection(view, end + 64 * i, section, names, places[i]!)
    }
    return bytes
  }

  #writeHeader(view: DataView, table: number, count: number): void {
    const little = this.#littleEndian
    view.setUint32(0, 0x7f454c46)
    view.setUint8(4, 2)
    view.setUint8(5, little ? 1 : 2)
    view.setUint8(6, 1)
    view.setUint16(16, 1, little)
    view.setUint16(18, 247, little)
    view.setUint32(20, 1, little)
    view.setBigUint64(40, BigInt(table), little)
    view.setUint16(52, 64, little)
    view.setUint16(58, 64, little)
    view.setUint16(60, count, little)
    view.setUint16(62, count - 1, little)
  }

  #writeSection(view: DataView, at: number, section: NewSection, names: Names, place: number): void {
    const little = this.#littleEndian
    const {
      name,
      type,
      flags = 0,
      data,
      size = data?.length ?? 0,
      link = 0,
      info = 0,
      entrySize = 0,
    } = section
    view.setUint32(at, names.offsetOf(name), little)
    view.setUint32(at + 4, type, little)
    view.setBigUint64(at + 8, BigInt(flags), little)
    view.setBigUint64(at + 24, BigInt(type === 0 ? 0 : place), little)
    view.setBigUint64(at + 32, BigInt(type === NOBITS || data ? size : 0), little)
    view.setUint32(at + 40, link, little)
    view.setUint32(at + 44, info, little)
    view.setBigUint64(at + 48, type === 0 ? 0n : BigInt(section.align ?? 8), little)
    view.setBigUint64(at + 56, BigInt(entrySize), little)
  }

  #records<T>(
    size: number,
    items: readonly T[],
    write: (view: DataView, at: number, item: T) => void,
  ): Uint8Array {
    const bytes = new Uint8Array(size * items.length)
    const view = new DataView(bytes.buffer)
    for (const [i, item] of items.entries()) write(view, size * i, item)
    return bytes
  }

  #writeSymbol(view: DataView, at: number, symbol: NewSymbol, names: Names): void {
    const little = this.#littleEndian
    view.setUint32(at, names.offsetOf(symbol.name), little)
    view.setUint8(at + 4, symbol.info)
    view.setUint16(at + 6, symbol.section, little)
    view.setBigUint64(at + 8, BigInt(symbol.value), little)
    view.setBigUint64(at + 16, BigInt(symbol.size), little)
  }

  #writeRelocation(view: DataView, at: number, { offset, type, symbol }: NewRelocation): void {
    const little = this.#littleEndian
    view.setBigUint64(at, BigInt(offset), little)
    view.setBigUint64(at + 8, (BigInt(symbol) << 32n) | BigInt(type), little)
  }
}

/** A string table; equal strings are in it once. */
class Names {
  readonly #offsets = new Map<string, number>([['', 0]])
  #text = '\0'
  #length = 1

  offsetOf(name: string): number {
    const known = this.#offsets.get(name)
    if (known !== undefined) return known
    const offset = this.#length
    this.#offsets.set(name, offset)
    this.#text += `${name}\0`
    this.#length += Buffer.byteLength(name) + 1
    return offset
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.from(this.#text))
  }
}
