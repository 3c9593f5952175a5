import type { ByteRange, Scanner } from '../parser/index.ts'
import type { Symbols } from './symbols.ts'

/** One section of an ELF file. */
export interface ElfSection {
  readonly index: number
  readonly name: string
  /** sh_type: 1 PROGBITS, 2 SYMTAB, 3 STRTAB, 8 NOBITS, 9 REL, ... */
  readonly type: number
  /** sh_flags: 0x1 WRITE, 0x2 ALLOC, 0x4 EXECINSTR. */
  readonly flags: number
  /** Where the section's bytes start in the file. */
  readonly offset: number
  /** Bytes; for NOBITS (`.bss`) the size in memory. */
  readonly size: number
  readonly link: number
  readonly info: number
  readonly entrySize: number
  readonly align: number
  /** The section's bytes, not copied and not to be written to; empty for NOBITS. */
  readonly data: Uint8Array
}

export type SymbolBinding = 'local' | 'global' | 'weak'
export type SymbolKind = 'notype' | 'object' | 'func' | 'section' | 'file' | 'common' | 'tls'
export type SymbolVisibility = 'default' | 'internal' | 'hidden' | 'protected'

/** Where a symbol is defined: a section index, or one of the reserved meanings. */
export type SymbolPlace = number | 'undefined' | 'absolute' | 'common'

export interface ElfSymbol {
  readonly index: number
  /** As it is in the symbol table: section symbols have none. */
  readonly name: string
  /** Offset in its section, in bytes (relocatable files). */
  readonly value: number
  /** Bytes. */
  readonly size: number
  readonly binding: SymbolBinding
  readonly kind: SymbolKind
  readonly visibility: SymbolVisibility
  readonly section: SymbolPlace
}

export interface ElfRelocation {
  /** Byte offset in the section that is relocated. */
  readonly offset: number
  /** R_BPF_*: 1 = 64_64, 2 = ABS64, 3 = ABS32, 4 = NODYLD32, 10 = 64_32. */
  readonly type: number
  /** Index of the symbol that it names. */
  readonly symbol: number
}

/**
 * An ELF file with BPF programs, checked as a whole when it was parsed. Symbols and relocations are decoded when they
 * are asked for, and then kept.
 */
export interface ElfFile {
  /** Byte order of the file, and of the machine that its programs run on. */
  readonly littleEndian: boolean
  /** e_machine: 247 (EM_BPF), or 0 as compilers wrote before the number was assigned. */
  readonly machine: number
  /** e_flags. */
  readonly flags: number
  /** The file. Not to be written to. */
  readonly bytes: Uint8Array
  /** Every section by index; the first is the null section. */
  readonly sections: readonly ElfSection[]
  /** The first section of this name. */
  section(name: string): ElfSection | undefined
  /** Number of symbols, with the null symbol that a symbol table starts with. */
  readonly symbolCount: number
  /**
   * The symbol with this index.
   *
   * @throws ElfError when its binding or type is unknown or its name is not UTF-8.
   * @throws RangeError when there is no such symbol.
   */
  symbol(index: number): ElfSymbol
  /**
   * The symbols that are defined in the section with this index, ordered by value, then by index.
   *
   * @throws ElfError as {@link symbol}.
   */
  symbolsIn(section: number): readonly ElfSymbol[]
  /**
   * The relocations that apply to the section with this index, ordered by offset; none where there are none.
   *
   * @throws ElfError when one of them lies outside the section or names a symbol that does not exist.
   */
  relocations(section: number): readonly ElfRelocation[]
  /**
   * The NUL-terminated UTF-8 string at an offset in a section.
   *
   * @throws ElfError when there is none.
   */
  stringAt(section: ElfSection, offset: number): string
  /** Where the section's bytes are in {@link bytes}: empty for NOBITS. */
  rangeOf(section: ElfSection): ByteRange
  /** @internal What scanned the file, for a room that scans one of its sections in place. */
  readonly scanner: Scanner
  /** @internal The symbols, to be looked at without being decoded. */
  readonly symbols: Symbols
}
