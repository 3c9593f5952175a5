import { ElfError } from '../errors.ts'
import type { FaultName, ScanFault, Scanner } from '../parser/index.ts'
import { placeOf, sectionType } from './sections.ts'
import type { Symbols } from './symbols.ts'
import type { ElfRelocation, ElfSection } from './types.ts'

const relocationSize = 16

/** The relocation tables of a file: each is found and checked at once, its records when they are asked for. */
export class Relocations {
  readonly #scanner: Scanner
  readonly #sections: readonly ElfSection[]
  readonly #symbolCount: number
  /** Relocation section by the index of the section that it applies to. */
  readonly #tables = new Map<number, ElfSection>()
  readonly #decoded = new Map<number, readonly ElfRelocation[]>()

  constructor(scanner: Scanner, sections: readonly ElfSection[], symbols: Symbols) {
    this.#scanner = scanner
    this.#sections = sections
    this.#symbolCount = symbols.count
    for (const table of sections) {
      if (table.type !== sectionType.rel) continue
      checkTable(table, sections, symbols.section)
      const before = this.#tables.get(table.info)
      if (before !== undefined) {
        throw new ElfError(`${placeOf(table)}/sh_info`, `applies to the same section as ${placeOf(before)}`)
      }
      this.#tables.set(table.info, table)
    }
  }

  /** Of the section with this index. */
  of(target: number): readonly ElfRelocation[] {
    const table = this.#tables.get(target)
    if (table === undefined) return []
    const known = this.#decoded.get(target)
    if (known !== undefined) return known
    const relocations = this.#decode(table)
    this.#decoded.set(target, relocations)
    return relocations
  }

  #decode(table: ElfSection): readonly ElfRelocation[] {
    const target = this.#sections[table.info]! // sh_info was checked
    const range = { offset: table.offset, length: table.data.length }
    const found = this.#scanner.scanRelocations(range, this.#symbolCount, target.size)
    if ('fault' in found) throw relocationError(found, placeOf(table), target, this.#symbolCount)
    const { count, records } = found
    return Array.from({ length: count }, (_, i) => ({
      offset: records[3 * i]!,
      type: records[3 * i + 1]!,
      symbol: records[3 * i + 2]!,
    }))
  }
}

function checkTable(table: ElfSection, sections: readonly ElfSection[], symbols: ElfSection): void {
  const where = placeOf(table)
  if (table.entrySize !== relocationSize) {
    throw new ElfError(
      `${where}/sh_entsize`,
      `is ${table.entrySize}; a relocation has ${relocationSize} bytes`,
    )
  }
  if (table.size % relocationSize !== 0) {
    throw new ElfError(`${where}/sh_size`, `is ${table.size}, not a multiple of ${relocationSize}`)
  }
  if (table.link !== symbols.index) {
    throw new ElfError(`${where}/sh_link`, `is ${table.link}; the symbol table is section ${symbols.index}`)
  }
  const target = sections[table.info]
  if (target === undefined) {
    throw new ElfError(`${where}/sh_info`, `is ${table.info}; there are ${sections.length} sections`)
  }
  if (target.type === sectionType.null || target.type === sectionType.nobits) {
    throw new ElfError(`${where}/sh_info`, `is ${table.info}, a section without bytes to relocate`)
  }
}

function relocationError(
  { fault, index, offset }: ScanFault,
  table: string,
  target: ElfSection,
  symbolCount: number,
): ElfError {
  const where = `${table}[${index}]`
  const problems: Partial<Record<FaultName, [string, string]>> = {
    'bad-offset': [`${where}/r_offset`, `is outside ${placeOf(target)}, which has ${target.size} bytes`],
    'bad-symbol': [`${where}/r_info`, `names a symbol that does not exist; there are ${symbolCount}`],
  }
  const [place, problem] = problems[fault] ?? [where, `${fault} at byte ${offset}`]
  return new ElfError(place, problem)
}
