import { ElfError } from '../errors.ts'
import type { BinaryFile, Section } from './binary-file.ts'
import { symbolVersions } from './symbol-versions.ts'

/** A function that a binary's symbol tables tell of. */
export interface BinaryFunction {
  readonly name: string
  /** `'GLIBC_2.34'`; empty where the symbol has no version. */
  readonly version: string
  /** Is it what is meant where no version is named? */
  readonly isDefault: boolean
  readonly isWeak: boolean
  /** Is the code chosen when the program starts? Then the address is that of the function that chooses. */
  readonly isIndirect: boolean
  readonly address: number
}

const SHT_SYMTAB = 2
const SHT_DYNSYM = 11
const symbolSize = 24
const STT_FUNC = 2
const STT_GNU_IFUNC = 10
const STB_WEAK = 2

/** A symbol table: what a binary exports, or all that it has and was not stripped of. Many functions are in both. */
export type SymbolTable = 'exported' | 'all'

const tableTypes: Readonly<Record<SymbolTable, number>> = { exported: SHT_DYNSYM, all: SHT_SYMTAB }

/**
 * The functions that a binary defines whose name is wanted, by one of its tables.
 *
 * @throws ElfError where the table breaks the format.
 */
export function* functionsOf(
  file: BinaryFile,
  table: SymbolTable,
  wanted: (name: string) => boolean,
): IterableIterator<BinaryFunction> {
  for (const [index, section] of file.sections.entries()) {
    if (section.type === tableTypes[table]) yield* functionsIn(file, section, index, wanted)
  }
}

function* functionsIn(
  file: BinaryFile,
  section: Section,
  index: number,
  wanted: (name: string) => boolean,
): IterableIterator<BinaryFunction> {
  const where = `symbol table in section ${index}`
  if (section.entrySize !== symbolSize || section.size % symbolSize !== 0) {
    throw new ElfError(
      `${file.path}: ${where}`,
      `has entries of ${section.entrySize} bytes in ${section.size}`,
    )
  }
  const symbols = file.readSection(section, where)
  const strings = file.readStrings(section.link, where)
  const versionOf = section.type === SHT_DYNSYM ? symbolVersions(file, index) : undefined
  // Elf64_Sym: name u32, info u8, other u8, shndx u16, value u64, size u64
  for (let at = 0, symbol = 0; at < section.size; at += symbolSize, symbol++) {
    const info = symbols.getUint8(at + 4)
    const kind = info & 0xf
    if (kind !== STT_FUNC && kind !== STT_GNU_IFUNC) continue
    // what is used here and defined elsewhere is in no section
    if (symbols.getUint16(at + 6, true) === 0) continue
    const full = strings(symbols.getUint32(at, true))
    const mark = versionOf ? -1 : full.indexOf('@')
    if (!wanted(mark < 0 ? full : full.slice(0, mark))) continue
    const address = Number(symbols.getBigUint64(at + 8, true))
    if (address === 0) continue
    yield {
      ...(versionOf ? { name: full, ...versionOf(symbol) } : splitName(full)),
      isWeak: info >> 4 === STB_WEAK,
      isIndirect: kind === STT_GNU_IFUNC,
      address,
    }
  }
}

/** Exported symbols have their version in a table, others in the name: `memcpy@GLIBC_2.2.5`, `memcpy@@GLIBC_2.14`. */
function splitName(full: string): Pick<BinaryFunction, 'name' | 'version' | 'isDefault'> {
  const [, name, mark, version] = /^([^@]+)(@@?)(.+)$/.exec(full) ?? []
  if (name === undefined) return { name: full, version: '', isDefault: true }
  return { name, version: version ?? '', isDefault: mark === '@@' }
}
