import type { Btf } from '../btf/index.ts'
import type { ElfFile, ElfRelocation } from '../elf/index.ts'
import { BtfError, ElfError } from '../errors.ts'
import { type Definition, MapDefinitions } from './map-definitions.ts'
import type { PlacedSection, PlacedVariable } from './placement.ts'
import { addendOf, pointerSize } from './pointers.ts'
import type { ReferenceTargets } from './references.ts'
import type { SlotSpec } from './types.ts'

/** The section that holds map definitions. */
export const mapsSection = '.maps'
/** Size of an index as a key. */
const indexSize = 4

/** The maps of `.maps`, in order of definition. */
export interface DefinedMaps {
  readonly all: readonly DefinedMap[]
  /** Those of them that are arenas. */
  readonly arenas: readonly Definition[]
}

/** A map of `.maps` and where its definition lies there. */
export interface DefinedMap {
  readonly map: Definition
  /** The variable of `.maps` that defines it. */
  readonly placed: PlacedVariable
}

/**
 * Reads the map definitions of an object, in order of definition.
 *
 * @param placed the section `.maps` where BTF describes it
 * @param unique gives each map its name
 * @throws BtfError, ElfError for a definition that cannot be understood, a legacy `maps` section, or missing BTF.
 */
export function readDefinedMaps(
  elf: ElfFile,
  btf: Btf | undefined,
  placed: PlacedSection | undefined,
  unique: (name: string) => string,
): DefinedMaps {
  if (elf.section('maps')) {
    throw new ElfError(
      'maps',
      'legacy map definitions: define maps in SEC(".maps") with __uint() and __type()',
    )
  }
  const section = elf.section(mapsSection)
  if (!section || section.size === 0) return { all: [], arenas: [] }
  if (!btf || !placed) throw new ElfError(mapsSection, 'map definitions need BTF: compile with -g')
  const definitions = new MapDefinitions(btf)
  const arenas: Definition[] = []
  const all = placed.variables.map((variable): DefinedMap => {
    const { name, type, linkage } = variable
    if (linkage === 'extern') {
      throw new BtfError(`${mapsSection}/${name}`, 'is declared extern: its definition is in another object')
    }
    const map = definitions.read(type, unique(name))
    if (map.type === 'arena') arenas.push(map)
    return { map, placed: variable }
  })
  return { all, arenas }
}

/**
 * Reads which inner maps and programs the object puts into its maps: relocations inside the `values` array at the end
 * of a definition.
 *
 * @throws ElfError for a relocation outside of such an array, or against something that the map cannot hold.
 */
export function readSlots(
  elf: ElfFile,
  btf: Btf,
  maps: readonly DefinedMap[],
  targets: ReferenceTargets,
): void {
  const section = elf.section(mapsSection)
  if (!section) return
  const relocations = elf.relocations(section.index)
  if (relocations.length === 0) return
  const byOffset = [...maps].sort((a, b) => a.placed.offset - b.placed.offset)
  const endOf = ({ placed }: DefinedMap): number => placed.offset + placed.size
  let i = 0
  for (const relocation of relocations) {
    while (i < byOffset.length && endOf(byOffset[i]!) <= relocation.offset) i++
    const defined = byOffset[i]
    const where = `${mapsSection}+0x${relocation.offset.toString(16)}`
    if (!defined || relocation.offset < defined.placed.offset) {
      throw new ElfError(where, 'a relocation outside of every map definition')
    }
    const slot = readSlot(elf, btf, section.index, defined, relocation, targets, where)
    if (defined.map.slots.length > 0) defined.map.slots.push(slot)
    else defined.map.slots = [slot]
  }
}

function readSlot(
  elf: ElfFile,
  btf: Btf,
  section: number,
  { map, placed }: DefinedMap,
  relocation: ElfRelocation,
  targets: ReferenceTargets,
  where: string,
): SlotSpec {
  const definition = btf.resolve(placed.type)
  const members = definition.kind === 'struct' ? definition.members : []
  const values = members.find(member => member.name === 'values')
  const at = values ? relocation.offset - placed.offset - values.bitOffset / 8 : -1
  if (at < 0 || at % pointerSize !== 0) {
    throw new ElfError(where, `a relocation in the definition of map '${map.name}' outside of its values`)
  }
  if (map.keySize !== indexSize) {
    throw new BtfError(
      `${mapsSection}/${map.name}.key`,
      `has ${map.keySize} bytes; a map with initial values needs a key of ${indexSize} bytes, their index`,
    )
  }
  const index = at / pointerSize
  const symbol = elf.symbol(relocation.symbol)
  if (typeof symbol.section === 'number') {
    const place = symbol.value + addendOf(elf, relocation, section)
    const inner = map.inner && targets.mapAt(symbol.section, place)
    if (inner !== undefined) return { index, kind: 'map', name: inner }
    const program = map.type === 'prog_array' && targets.programAt(symbol.section, place)
    if (program) return { index, kind: 'program', name: program }
  }
  const holds = map.inner ? 'maps' : 'programs'
  throw new ElfError(where, `map '${map.name}' holds ${holds}, but slot ${index} is '${symbol.name}'`)
}
