import { ElfError } from '../errors.ts'
import type { BinaryFile } from './binary-file.ts'

/** The version of an exported symbol, by the symbol's index. */
export type VersionOf = (symbol: number) => { readonly version: string; readonly isDefault: boolean }

const SHT_GNU_verdef = 0x6ffffffd
const SHT_GNU_versym = 0x6fffffff
/** The bit that says: only for those who ask for this version. */
const VERSYM_HIDDEN = 0x8000
/** Below are the symbols without a version: local and global ones. */
const VER_NDX_FIRST = 2

/**
 * The versions of the symbols in a table (Linux Standard Base, Core, "Symbol Versioning").
 *
 * @param table the index of its section
 */
export function symbolVersions(file: BinaryFile, table: number): VersionOf {
  const section = file.sections.find(({ type, link }) => type === SHT_GNU_versym && link === table)
  if (!section) return () => ({ version: '', isDefault: true })
  const view = file.readSection(section, 'symbol versions')
  const names = versionNames(file)
  return symbol => {
    const at = symbol * 2
    const entry = at + 2 <= view.byteLength ? view.getUint16(at, true) : 0
    const index = entry & ~VERSYM_HIDDEN
    return {
      version: index < VER_NDX_FIRST ? '' : (names.get(index) ?? ''),
      isDefault: (entry & VERSYM_HIDDEN) === 0,
    }
  }
}

/** Versions that the binary defines, by their number. */
function versionNames(file: BinaryFile): Map<number, string> {
  const names = new Map<number, string>()
  const section = file.sections.find(({ type }) => type === SHT_GNU_verdef)
  if (!section) return names
  const where = 'version definitions'
  const view = file.readSection(section, where)
  const strings = file.readStrings(section.link, where)
  const check = (at: number, size: number): void => {
    if (at + size > view.byteLength)
      throw new ElfError(`${file.path}: ${where}`, `a record at ${at} is cut off`)
  }
  // sh_info says how many there are: a chain that goes in circles ends, too
  for (let at = 0, left = section.info; left > 0; left--) {
    // Elf64_Verdef: version u16, flags u16, ndx u16, cnt u16, hash u32, aux u32, next u32
    check(at, 20)
    const name = at + view.getUint32(at + 12, true)
    check(name, 8)
    names.set(view.getUint16(at + 4, true), strings(view.getUint32(name, true)))
    const next = view.getUint32(at + 16, true)
    if (next === 0) break
    at += next
  }
  return names
}
