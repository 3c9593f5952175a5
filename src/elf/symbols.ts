import { ElfError } from '../errors.ts'
import type { FaultName, ScanFault, Scanner, StringTable, SymbolTable } from '../parser/index.ts'
import { checkStringTable, placeOf, sectionType } from './sections.ts'
import { nameAt } from './strings.ts'
import type {
  ElfSection,
  ElfSymbol,
  SymbolBinding,
  SymbolKind,
  SymbolPlace,
  SymbolVisibility,
} from './types.ts'

const symbolSize = 24

// st_info >> 4, st_info & 15 and st_other & 3 (gABI, "Symbol Table")
const bindings: readonly SymbolBinding[] = ['local', 'global', 'weak']
const symbolKinds: readonly SymbolKind[] = ['notype', 'object', 'func', 'section', 'file', 'common', 'tls']
const visibilities: readonly SymbolVisibility[] = ['default', 'internal', 'hidden', 'protected']

const absolute = 0xfff1
const common = 0xfff2

/** The symbol table of a file, scanned at once, each symbol decoded when it is asked for. */
export class Symbols {
  readonly section: ElfSection
  readonly count: number
  readonly #view: DataView
  readonly #littleEndian: boolean
  readonly #names: StringTable
  readonly #table: SymbolTable
  readonly #decoded: (ElfSymbol | undefined)[] = []
  readonly #groups: (readonly ElfSymbol[] | undefined)[] = []

  /** @param known gives the strings of a section that have been read: most files have one section for all names */
  constructor(
    scanner: Scanner,
    sections: readonly ElfSection[],
    known: (section: number) => StringTable | undefined,
  ) {
    this.section = findTable(sections)
    const strings = sections[this.section.link]! // every sh_link was checked
    const where = `${placeOf(this.section)}/sh_link`
    if (strings.type !== sectionType.strtab) {
      throw new ElfError(where, `names section ${placeOf(strings)}, which is not a string table`)
    }
    this.#names = known(strings.index) ?? checkStringTable(strings.data, placeOf(strings))
    this.#view = scanner.view
    this.#littleEndian = scanner.littleEndian
    const table = scanner.scanSymbols(range(this.section), range(strings), sections.length)
    if ('fault' in table) throw symbolError(table, placeOf(this.section), strings, sections.length)
    this.#table = table
    this.count = table.count
  }

  at(index: number): ElfSymbol {
    if (!(index >= 0 && index < this.count)) {
      throw new RangeError(`symbol ${index}: the file has ${this.count} symbols`)
    }
    return (this.#decoded[index] ??= this.#decode(index))
  }

  /** Of the section with this index. */
  in(section: number): readonly ElfSymbol[] {
    return (this.#groups[section] ??= this.#group(section))
  }

  #group(section: number): readonly ElfSymbol[] {
    return Array.from(this.indexesIn(section), index => this.at(index))
  }

  /** Of the symbols in the section with this index, ordered by value, then by index. */
  indexesIn(section: number): Uint32Array {
    const { order, starts } = this.#table
    return order.subarray(starts[section] ?? order.length, starts[section + 1])
  }

  /** Is this the name of the symbol? Names with other than ASCII characters are never found. */
  isNamed(index: number, name: string): boolean {
    const { bytes } = this.#names
    const start = this.#view.getUint32(this.#at(index), this.#littleEndian)
    if (bytes[start + name.length] !== 0) return false
    for (let i = 0; i < name.length; i++) {
      const byte = bytes[start + i]!
      if (byte !== name.charCodeAt(i) || byte > 0x7f) return false
    }
    return true
  }

  valueOf(index: number): number {
    return this.#exact(this.#at(index) + 8)
  }

  bindingOf(index: number): SymbolBinding {
    const number = this.#view.getUint8(this.#at(index) + 4) >> 4
    const binding = bindings[number]
    if (binding !== undefined) return binding
    throw new ElfError(`${this.#where(index)}/st_info`, `has binding ${number}, which is unknown`)
  }

  kindOf(index: number): SymbolKind {
    const number = this.#view.getUint8(this.#at(index) + 4) & 15
    const kind = symbolKinds[number]
    if (kind !== undefined) return kind
    throw new ElfError(`${this.#where(index)}/st_info`, `has type ${number}, which is unknown`)
  }

  visibilityOf(index: number): SymbolVisibility {
    return visibilities[this.#view.getUint8(this.#at(index) + 5) & 3]!
  }

  #decode(index: number): ElfSymbol {
    const view = this.#view
    const at = this.#at(index)
    const binding = this.bindingOf(index)
    const kind = this.kindOf(index)
    const nameOffset = view.getUint32(at, this.#littleEndian)
    return {
      index,
      name: nameAt(this.#names, nameOffset, () => `${this.#where(index)}/st_name`),
      value: this.#exact(at + 8),
      size: this.#exact(at + 16),
      binding,
      kind,
      visibility: this.visibilityOf(index),
      section: symbolPlace(view.getUint16(at + 6, this.#littleEndian)),
    }
  }

  #at(index: number): number {
    return this.section.offset + index * symbolSize
  }

  #where(index: number): string {
    return `${placeOf(this.section)}[${index}]`
  }

  /** The scan refused what is not exact as a number. */
  #exact(at: number): number {
    const view = this.#view
    const littleEndian = this.#littleEndian
    const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian)
    const low = view.getUint32(littleEndian ? at : at + 4, littleEndian)
    return high === 0 ? low : high * 2 ** 32 + low
  }
}

function symbolPlace(index: number): SymbolPlace {
  if (index === 0) return 'undefined'
  if (index === absolute) return 'absolute'
  return index === common ? 'common' : index
}

function findTable(sections: readonly ElfSection[]): ElfSection {
  const [table, second] = sections.filter(({ type }) => type === sectionType.symtab)
  if (table === undefined)
    throw new ElfError('ELF sections', 'there is no symbol table (was the object stripped?)')
  const where = placeOf(table)
  if (second !== undefined) throw new ElfError(placeOf(second), `is a second symbol table beside ${where}`)
  if (table.entrySize !== symbolSize) {
    throw new ElfError(`${where}/sh_entsize`, `is ${table.entrySize}; a symbol has ${symbolSize} bytes`)
  }
  if (table.size % symbolSize !== 0) {
    throw new ElfError(`${where}/sh_size`, `is ${table.size}, not a multiple of ${symbolSize}`)
  }
  return table
}

function symbolError(
  { fault, index, offset }: ScanFault,
  table: string,
  { size }: ElfSection,
  sectionCount: number,
): ElfError {
  const where = `${table}[${index}]`
  const problems: Partial<Record<FaultName, [string, string]>> = {
    'bad-name': [`${where}/st_name`, `is outside the string table, which has ${size} bytes`],
    'bad-section': [`${where}/st_shndx`, `names a section that does not exist; there are ${sectionCount}`],
    'too-large': [where, 'its value or size is 2^53 or more'],
  }
  const [place, problem] = problems[fault] ?? [where, `${fault} at byte ${offset}`]
  return new ElfError(place, problem)
}

function range({ offset, data }: ElfSection): { offset: number; length: number } {
  return { offset, length: data.length }
}
