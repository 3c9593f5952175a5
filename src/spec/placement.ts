import type { Btf, BtfDatasec, BtfVar } from '../btf/index.ts'
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/index.ts'
import { BtfError } from '../errors.ts'
import { type ExternSpec, kconfigSection } from './externs/declarations.ts'

/** A variable of a section, with the place that BTF alone may not know. */
export interface PlacedVariable {
  readonly variable: BtfVar
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly size: number
}

/** Of a section what its variables need: `.kconfig` is in no file. */
export type SectionBytes = Pick<ElfSection, 'name' | 'index' | 'size' | 'data'>

/** A section of variables: what ELF and BTF say of it, put together. */
export interface PlacedSection {
  readonly section: SectionBytes
  readonly datasec: BtfDatasec
  /** In the order of BTF. */
  readonly variables: readonly PlacedVariable[]
}

/**
 * Finds where the variables of all sections lie, by the name of the section. The compiler leaves sizes and offsets of
 * DATASEC at 0 for the loader to fill from the symbol table; a static linker (`bpftool gen object`) has filled them in,
 * and may have left several variables of one name. Sections that only declare externs are not in the file; of those, `.kconfig` is given a place.
 *
 * @throws BtfError for an entry that is no variable, has no symbol, or leaves the section.
 */
export function placeSections(
  elf: ElfFile,
  btf: Btf,
  externs: readonly ExternSpec[],
): ReadonlyMap<string, PlacedSection> {
  const sections = new Map<string, PlacedSection>()
  for (const id of btf.ids('datasec')) {
    const section = elf.section(btf.nameOf(id))
    const datasec = btf.type(id)
    if (!section || datasec.kind !== 'datasec' || sections.has(datasec.name)) continue
    sections.set(datasec.name, { section, datasec, variables: placeVariables(elf, btf, datasec, section) })
  }
  const kconfig = placeKconfig(btf, externs)
  if (kconfig) sections.set(kconfigSection, kconfig)
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

/** No section of a file has it. */
const noIndex = -1

/** The values of the kernel's configuration as a section of their own; `undefined` where the object wants none. */
export function placeKconfig(btf: Btf, externs: readonly ExternSpec[]): PlacedSection | undefined {
  const values = externs.filter(extern => extern.kind === 'kconfig')
  const datasec = btf.find(kconfigSection, 'datasec')
  if (values.length === 0 || !datasec) return undefined
  const byType = new Map(values.map(value => [value.variable.id, value]))
  const variables = datasec.variables.map(({ type, size }, i): PlacedVariable => {
    const value = byType.get(type)
    if (value) return { variable: value.variable, offset: value.offset, size }
    throw new BtfError(`.BTF/type[${datasec.id}]/variable[${i}]`, 'is not a value of the configuration')
  })
  const size = Math.max(...values.map(value => value.offset + value.size))
  return {
    section: { name: kconfigSection, index: noIndex, size, data: new Uint8Array(0) },
    datasec,
    variables,
  }
}
