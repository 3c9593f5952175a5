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
  /** The section's bytes, not copied; empty for NOBITS. */
  readonly data: Uint8Array
}

export type SymbolBinding = 'local' | 'global' | 'weak'
export type SymbolKind = 'notype' | 'object' | 'func' | 'section' | 'file' | 'common' | 'tls'
export type SymbolVisibility = 'default' | 'internal' | 'hidden' | 'protected'

/** Where a symbol is defined: a section index, or one of the reserved meanings. */
export type SymbolPlace = number | 'undefined' | 'absolute' | 'common'

export interface ElfSymbol {
  readonly index: number
  readonly name: string
  /** Offset in its section, in bytes (relocatable files). */
  readonly value: number
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
