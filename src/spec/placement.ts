import type { Btf, BtfDatasec, BtfVar } from '../btf/index.ts'
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/index.ts'
import { BtfError } from '../errors.ts'

/** A variable of a section, with the place that BTF alone may not know. */
export interface PlacedVariable {
  readonly variable: BtfVar
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly size: number
}

/** A section of variables: what ELF and BTF say of it, put together. */
export interface PlacedSection {
  readonly section: ElfSection
  readonly datasec: BtfDatasec
  /** In the order of BTF. */
  readonly variables: readonly PlacedVariable[]
}

/**
 * Finds where the variables of all sections lie, by the name of the section. The compiler leaves sizes and offsets of
 * DATASEC at 0 for the loader to fill from the symbol table; a static linker (`bpftool gen object`) has filled them in,
 * and may have left several variables of one name. Sections that only declare externs (`.ksyms`) are not in the file.
 *
 * @throws BtfError for an entry that is no variable, has no symbol, or leaves the section.
 */
export function placeSections(elf: ElfFile, btf: Btf): ReadonlyMap<string, PlacedSection> {
  const sections = new Map<string, PlacedSection>()
  for (const id of btf.ids('datasec')) {
    const section = elf.section(btf.nameOf(id))
    const datasec = btf.type(id)
    if (!section || datasec.kind !== 'datasec' || sections.has(datasec.name)) continue
    sections.set(datasec.name, { section, datasec, variables: placeVariables(elf, btf, datasec, section) })
  }
  return sections
}

function placeVariables(elf: ElfFile, btf: Btf, datasec: BtfDatasec, section: ElfSection): PlacedVariable[] {
  const isFilled = datasec.size !== 0
  const symbols = isFilled ? undefined : symbolsByName(elf, section)
  return datasec.variables.map((entry, i): PlacedVariable => {
    const where = `.BTF/type[${datasec.id}]/variable[${i}]`
    const variable = btf.type(entry.type)
    if (variable.kind !== 'var') {
      throw new BtfError(where, `section ${section.name} lists a ${variable.kind}, expected a variable`)
    }
    const offset = symbols ? symbols.get(variable.name)?.shift()?.value : entry.offset
    if (offset === undefined) {
      throw new BtfError(where, `variable '${variable.name}' has no symbol in section ${section.name}`)
    }
    if (offset + entry.size > section.size) {
      throw new BtfError(
        where,
        `variable '${variable.name}' at ${offset} with ${entry.size} bytes leaves section ${section.name} of ${section.size}`,
      )
    }
    return { variable, offset, size: entry.size }
  })
}

/** Symbols of one name are in the order of their place, which is the order in which they are defined. */
function symbolsByName(elf: ElfFile, section: ElfSection): Map<string, ElfSymbol[]> {
  const byName = new Map<string, ElfSymbol[]>()
  for (const symbol of elf.symbolsIn(section.index)) {
    if (symbol.kind === 'section') continue
    const same = byName.get(symbol.name)
    if (same) same.push(symbol)
    else byName.set(symbol.name, [symbol])
  }
  return byName
}
