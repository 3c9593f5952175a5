import { type Btf, createCodec, parseBtf } from '../btf/index.ts'
import { BpfMap, SectionMemory, shapeOf, Variable } from '../map/index.ts'
import { BpfProgram } from '../object/index.ts'
import type { LinkRecord, Manifest, PinRecord } from '../plan/manifest.ts'
import { entryTypes, isConstantSection, isDataSection, sectionVariables } from '../spec/from-btf.ts'
import { reserveDescriptors } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { openPin, openPinnedMap } from './open.ts'

/** A pinned link, as the manifest describes it: the kernel tells little of most kinds. */
export interface PinnedLink extends LinkRecord {
  readonly id: number
}

/** Everything of a generation, opened without its object. */
export interface PinnedParts {
  readonly maps: BpfMap[]
  readonly programs: BpfProgram[]
  readonly links: PinnedLink[]
  readonly btf: Btf | undefined
}

/**
 * Opens the maps and programs of a generation, with the types that its manifest keeps. The caller closes them.
 *
 * @throws BpfError `ERR_PIN_MISSING`, `ERR_PIN_REPLACED`, `ERR_PIN_KIND` where a pin is not what the manifest says.
 */
export function openParts(generation: Generation, readOnly: boolean): PinnedParts {
  const { manifest } = generation
  const btf =
    manifest.btf.length > 0 ? parseBtf(manifest.btf, { where: `BTF of '${manifest.name}'` }) : undefined
  const parts: PinnedParts = { maps: [], programs: [], links: linksOf(manifest), btf }
  const records = pinsOf(manifest, 'map')
  const types =
    btf &&
    entryTypes(
      btf,
      records.map(({ name }) => name),
    )
  reserveDescriptors(manifest.pins.length)
  try {
    for (const record of records) {
      const { fd, info } = openPinnedMap(generation, record, { readOnly })
      const known = types?.get(record.name)
      parts.maps.push(
        new BpfMap({
          ...{ fd, name: record.name, shape: shapeOf(info), id: info.id, readOnly },
          types: btf && known && { btf, ...known },
        }),
      )
    }
    for (const record of pinsOf(manifest, 'program')) {
      parts.programs.push(
        new BpfProgram({ name: record.name, fd: openPin(generation, record, { readOnly }) }),
      )
    }
    return parts
  } catch (error) {
    for (const item of [...parts.maps, ...parts.programs]) item.close()
    throw error
  }
}

/** The variables of pinned data sections, from the maps that hold them. */
export function pinnedVariables(
  btf: Btf | undefined,
  maps: readonly BpfMap[],
): { readonly variables: Variable[]; readonly sections: SectionMemory[] } {
  const data = maps.filter(({ name, shape }) => isDataSection(name) && shape.type === 'array')
  if (!btf) return { variables: [], sections: [] }
  const memories = new Map(data.map(map => [map.name, new SectionMemory(map, isConstantSection(map.name))]))
  const found = sectionVariables(
    btf,
    data.map(({ name }) => name),
  )
  const variables = found.flatMap(({ type, ...place }) => {
    const memory = memories.get(place.map)
    // a section that is larger than its map was not made for it
    if (!memory || place.offset + place.size > memory.map.valueSize) return []
    return new Variable({ ...place, codec: () => createCodec(btf, type) }, memory)
  })
  return { variables, sections: [...memories.values()] }
}

function linksOf({ pins, links }: Manifest): PinnedLink[] {
  const ids = new Map(pins.filter(({ kind }) => kind === 'link').map(({ name, id }) => [name, id]))
  return links.flatMap(link => {
    const id = ids.get(link.name)
    return id === undefined ? [] : { ...link, id }
  })
}

function pinsOf({ pins }: Manifest, kind: PinRecord['kind']): PinRecord[] {
  return pins.filter(pin => pin.kind === kind)
}
