/** A run of bytes inside a document. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** Where a scan stopped, and why: the rooms above turn it into an error with a place and a sentence. */
export interface ScanFault {
  readonly fault: FaultName
  /** Byte offset in the document of the record at fault. */
  readonly offset: number
  /** Index of that record: a type id, a symbol index, a relocation index. */
  readonly index: number
}

/** What a scan can find wrong. */
export type FaultName =
  | 'truncated' // the record, or what follows its head, leaves the section; or the section leaves the document
  | 'unterminated' // the string section is empty or does not end with a NUL
  | 'bad-kind' // a BTF kind that is not 1-19
  | 'bad-name' // a name offset outside the string section
  | 'bad-section' // a symbol's section index outside the section table and not undefined, absolute or common
  | 'bad-symbol' // a relocation's symbol index outside the symbol table
  | 'bad-offset' // a relocation's offset outside the section that it applies to
  | 'too-large' // a 64-bit value or size that is not exact as a number (2^53 or more)

/** Every type of a BTF blob, found in one pass; nothing decoded. */
export interface TypeTable {
  /** Number of types; `void` (id 0) is not counted, so ids are 1..count. */
  readonly count: number
  /** `offsets[id]`: where the type's 12-byte head starts in the document. `offsets[0]` is 0. */
  readonly offsets: Uint32Array
  /** `prints[id]`: 16 bits by which most names differ; 0 for an anonymous type. */
  readonly prints: Uint16Array
  /**
   * The lowest id above `after` whose name is exactly these bytes, or 0. Anonymous types are never found. Asking
   * again with the answer as `after` goes on where the last search stopped, so all types of one name cost one walk.
   */
  find(name: Uint8Array, after: number): number
}

/** The symbols of an ELF symbol table in the order in which a loader wants them; nothing decoded. */
export interface SymbolTable {
  readonly count: number
  /**
   * Symbol indexes grouped by the section that they are defined in; inside a section ordered by value, then by index.
   * Symbols whose section is undefined or reserved (SHN_ABS, SHN_COMMON) are in no group.
   */
  readonly order: Uint32Array
  /** Symbols of section `s` are `order[starts[s] .. starts[s + 1])`. */
  readonly starts: Uint32Array
}

/** The records of one REL section, decoded and ordered by offset. */
export interface RelocationTable {
  readonly count: number
  /** Three numbers a record: offset in the section it applies to (bytes), relocation type, symbol index. */
  readonly records: Uint32Array
}

/**
 * The O(file) scans over one document. Two implementations with the same results: the WebAssembly core, and a plain
 * TypeScript twin that is its oracle in tests and stands in where WebAssembly is switched off.
 *
 * No scan reads outside the document or takes more than about linear time, whatever the document holds.
 */
export interface Scanner {
  /** The document. For the core it lies in linear memory; it never moves. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Byte order of the document, which the caller sets as soon as it knows. */
  littleEndian: boolean

  /**
   * `types` and `strings` are the two sections of a BTF blob, as ranges of the document.
   *
   * Split BTF (a kernel module's, whose string offsets start behind the base's strings) needs no parameter: the caller
   * lays out a document in which the base's strings are followed by the module's and gives both as one range. Ids in
   * the table then are the module's own, 1..count; adding the base's count is up to the caller.
   */
  scanTypes(types: ByteRange, strings: ByteRange): TypeTable | ScanFault
  /** `table` holds 24-byte Elf64_Sym records; `strings` is the string table that names them. */
  scanSymbols(table: ByteRange, strings: ByteRange, sectionCount: number): SymbolTable | ScanFault
  /** `table` holds 16-byte Elf64_Rel records; offsets must lie below `size`, the size of the section relocated. */
  scanRelocations(table: ByteRange, symbolCount: number, size: number): RelocationTable | ScanFault
}
