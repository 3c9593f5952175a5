import { optionsOf } from '../options.ts'
import { type ByteRange, createScanner, type Scanner, type ScannerOptions } from '../parser/index.ts'
import { type FileHeader, readByteOrder, readFileHeader } from './headers.ts'
import { Relocations } from './relocations.ts'
import { placeOf, readSections } from './sections.ts'
import { stringAt } from './strings.ts'
import { Symbols } from './symbols.ts'
import type { ElfFile, ElfRelocation, ElfSection, ElfSymbol } from './types.ts'

/**
 * Parses an ELF file with BPF programs: 64-bit, relocatable, of either byte order, for BPF or for no machine. The bytes
 * are copied, so the caller may write to them afterwards, unless `isOwn` leaves them to the result.
 *
 * The header, all sections, the symbol table and the headers of relocation tables are checked here; relocations when
 * they are asked for. The time is linear in the size of the file, whatever it holds.
 *
 * @throws ElfError (code `ERR_ELF`) with the place and the rule that is broken.
 *
 * @example
 * const elf = parseElf(readFileSync('counter.bpf.o'))
 * for (const symbol of elf.symbolsIn(elf.section('.maps')?.index ?? 0)) console.log(symbol.name)
 */
export function parseElf(bytes: Uint8Array, options?: ScannerOptions): ElfFile {
  const littleEndian = readByteOrder(bytes)
  const scanner = createScanner(bytes, optionsOf(options, 'parseElf()'))
  scanner.littleEndian = littleEndian
  return new ParsedElf(scanner, readFileHeader(scanner.bytes, littleEndian))
}

class ParsedElf implements ElfFile {
  readonly littleEndian: boolean
  readonly machine: number
  readonly flags: number
  readonly bytes: Uint8Array
  readonly sections: readonly ElfSection[]
  readonly symbolCount: number
  readonly scanner: Scanner
  readonly symbols: Symbols
  readonly #byName = new Map<string, ElfSection>()
  readonly #relocations: Relocations

  constructor(scanner: Scanner, header: FileHeader) {
    this.littleEndian = header.littleEndian
    this.machine = header.machine
    this.flags = header.flags
    this.bytes = scanner.bytes
    this.scanner = scanner
    const { sections, names } = readSections(scanner.bytes, header)
    this.sections = sections
    this.symbols = new Symbols(scanner, sections, link => (link === header.namesIndex ? names : undefined))
    this.symbolCount = this.symbols.count
    this.#relocations = new Relocations(scanner, this.sections, this.symbols)
    for (const section of this.sections) {
      if (!this.#byName.has(section.name)) this.#byName.set(section.name, section)
    }
  }

  section(name: string): ElfSection | undefined {
    return this.#byName.get(name)
  }

  symbol(index: number): ElfSymbol {
    return this.symbols.at(index)
  }

  symbolsIn(section: number): readonly ElfSymbol[] {
    return this.symbols.in(section)
  }

  relocations(section: number): readonly ElfRelocation[] {
    return this.#relocations.of(section)
  }

  stringAt(section: ElfSection, offset: number): string {
    return stringAt(section.data, offset, () => `${placeOf(section)}[${offset}]`)
  }

  rangeOf({ offset, data }: ElfSection): ByteRange {
    return { offset, length: data.length }
  }
}
