import { ElfError } from '../errors.ts'
import { StringTable } from '../parser/index.ts'
import { type FileHeader, readSectionHeaders, type SectionHeader } from './headers.ts'
import { nameAt } from './strings.ts'
import type { ElfSection } from './types.ts'

/** sh_type (include/uapi/linux/elf.h, and the gABI for the last). */
export const sectionType = {
  null: 0,
  progbits: 1,
  symtab: 2,
  strtab: 3,
  rela: 4,
  nobits: 8,
  rel: 9,
  symtabShndx: 18,
} as const

/** SHF_COMPRESSED */
const compressed = 0x800

/** Sections whose contents a loader reads by name: one each, with bytes in the file. */
const knownByName: ReadonlySet<string> = /* @__PURE__ */ new Set([
  '.BTF',
  '.BTF.ext',
  '.BTF.base',
  'license',
  'version',
])

/** All sections by index, each checked by itself and against the others. */
export function readSections(
  bytes: Uint8Array,
  header: FileHeader,
): { sections: ElfSection[]; names: StringTable } {
  const headers = readSectionHeaders(bytes, header)
  const names = sectionNames(bytes, headers, header.namesIndex)
  const sections = headers.map((raw, index): ElfSection => {
    const name = nameAt(names, raw.name, () => `section[${index}]/sh_name`)
    // one by one: with a spread all of parseElf takes twice as long
    const { type, flags, offset, size, link, info, align, entrySize } = raw
    const data = sectionData(bytes, raw, () => placeOf({ index, name }))
    return { index, name, type, flags, offset, size, link, info, align, entrySize, data }
  })
  for (const section of sections) checkSection(section, sections.length)
  checkKnownNames(sections)
  checkApart(sections)
  return { sections, names }
}

/** How errors name a section. */
export function placeOf({ name, index }: Pick<ElfSection, 'name' | 'index'>): string {
  return name === '' ? `section[${index}]` : name
}

function sectionNames(bytes: Uint8Array, headers: readonly SectionHeader[], index: number): StringTable {
  const header = headers[index]! // the file header was checked: it is one of them
  const where = `section[${index}]`
  if (header.type !== sectionType.strtab) {
    throw new ElfError(`${where}/sh_type`, `is ${header.type}; e_shstrndx must name a string table (3)`)
  }
  return checkStringTable(
    sectionData(bytes, header, () => where),
    where,
  )
}

/** A table that ends with a NUL has an end for every name that starts inside. */
export function checkStringTable(table: Uint8Array, where: string): StringTable {
  if (table.length === 0) throw new ElfError(where, 'the string table is empty')
  if (table.at(-1) !== 0) throw new ElfError(where, 'the string table does not end with a NUL')
  return new StringTable(table)
}

function sectionData(bytes: Uint8Array, header: SectionHeader, where: () => string): Uint8Array {
  if (!hasBytes(header)) return bytes.subarray(0, 0)
  const end = header.offset + header.size
  if (end > bytes.length) {
    throw new ElfError(
      where(),
      `bytes ${header.offset} to ${end} are not in the file, which has ${bytes.length}`,
    )
  }
  return bytes.subarray(header.offset, end)
}

function hasBytes({ type }: Pick<SectionHeader, 'type'>): boolean {
  return type !== sectionType.null && type !== sectionType.nobits
}

function checkSection(section: ElfSection, count: number): void {
  const where = placeOf(section)
  if (section.link >= count) {
    throw new ElfError(`${where}/sh_link`, `is ${section.link}; there are ${count} sections`)
  }
  if (section.type === sectionType.rela) {
    throw new ElfError(`${where}/sh_type`, 'is 4 (RELA); BPF objects have relocations without addends (REL)')
  }
  if (section.type === sectionType.symtabShndx) {
    throw new ElfError(`${where}/sh_type`, 'is 18 (SYMTAB_SHNDX); extended numbering is not supported')
  }
  // `clang -gz` compresses debug information, which no loader reads
  if ((section.flags & compressed) !== 0 && !where.startsWith('.debug')) {
    throw new ElfError(`${where}/sh_flags`, 'the section is compressed')
  }
}

function checkKnownNames(sections: readonly ElfSection[]): void {
  const seen = new Set<string>()
  for (const { name, type } of sections) {
    if (!knownByName.has(name)) continue
    if (type !== sectionType.progbits) throw new ElfError(`${name}/sh_type`, `is ${type}, not 1 (PROGBITS)`)
    if (seen.has(name)) throw new ElfError(name, 'there are two sections of this name')
    seen.add(name)
  }
}

/** The gABI forbids overlap; it would also let a small file hold any number of large sections. */
function checkApart(sections: readonly ElfSection[]): void {
  const placed = sections.filter(section => section.data.length > 0).sort((a, b) => a.offset - b.offset)
  for (let i = 1; i < placed.length; i++) {
    const before = placed[i - 1]!
    const section = placed[i]!
    if (before.offset + before.size > section.offset) {
      throw new ElfError(
        placeOf(section),
        `overlaps ${placeOf(before)} at byte ${section.offset} of the file`,
      )
    }
  }
}
