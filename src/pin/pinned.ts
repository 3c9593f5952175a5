import { type Btf, createCodec, parseBtf } from '../btf/index.ts'
import { closeAll } from '../closing.ts'
import { BpfMap, type MapTypes, SectionMemory, shapeOf, Variable } from '../map/index.ts'
import { BpfProgram } from '../object/index.ts'
import type { PinnedMap } from '../plan/compare.ts'
import type { LinkRecord, Manifest, PinRecord } from '../plan/manifest.ts'
import {
  type EntryTypes,
  entryTypes,
  isConstantSection,
  isDataSection,
  sectionVariables,
} from '../spec/from-btf.ts'
import type { Spec } from '../spec/types.ts'
import { closeFd, reserveDescriptors } from '../syscall/index.ts'
import { expectTypes } from './expected.ts'
import type { Generation } from './generation.ts'
import { type OpenedMap, type OpenOptions, openPin, openPinnedMap } from './open.ts'
import { ownIf } from './pinned-types.ts'

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
 * @param expected an object whose types its maps get instead, if they are like those in the manifest
 * @throws BpfError `ERR_PIN_MISSING`, `ERR_PIN_REPLACED`, `ERR_PIN_KIND` where a pin is not what the manifest says;
 * PinMismatchError where it is not what is expected.
 */
export function openParts(generation: Generation, options: OpenOptions, expected?: Spec): PinnedParts {
  const { manifest } = generation
  const { readOnly = false } = options
  const records = pinsOf(manifest, 'map')
  const opened: OpenedMap[] = []
  const programs: BpfProgram[] = []
  reserveDescriptors(manifest.pins.length)
  try {
    for (const record of records) opened.push(openPinnedMap(generation, record, options))
    for (const record of pinsOf(manifest, 'program')) {
      const fd = openPin(generation, record, options)
      programs.push(new BpfProgram({ name: record.name, fd, types: () => btf }))
    }
    const btf = typesIn(manifest, expected)
    const typesOf = recordedTypes(records, btf)
    const own = expected && expectTypes(expected, generation, pinnedMaps(records, opened, typesOf))
    const maps = opened.map(({ fd, info }, i) => {
      const { name } = records[i]! // one for each
      const types = own?.has(name) ? own.get(name) : () => typesOf(name)
      return new BpfMap({ fd, name, shape: shapeOf(info), id: info.id, readOnly, types })
    })
    return { maps, programs, links: linksOf(manifest), btf }
  } catch (error) {
    for (const { fd } of opened) closeFd(fd)
    closeAll(programs)
    throw error
  }
}

function typesIn({ btf: bytes, name }: Manifest, expected: Spec | undefined): Btf | undefined {
  if (bytes.length === 0) return undefined
  return (expected && ownIf(expected, bytes)) ?? parseBtf(bytes, { where: `BTF of '${name}'` })
}

/** What the manifest's types say of each map; they are looked through when somebody first asks. */
function recordedTypes(
  records: readonly PinRecord[],
  btf: Btf | undefined,
): (name: string) => MapTypes | undefined {
  let found: ReadonlyMap<string, EntryTypes> | undefined
  return name => {
    found ??= btf && entryTypes(btf, namesOf(records))
    const known = found?.get(name)
    return btf && known && { btf, key: known.key, value: known.value }
  }
}

/** Pinned maps with the types that the manifest has for them. */
function pinnedMaps(
  records: readonly PinRecord[],
  opened: readonly OpenedMap[],
  typesOf: (name: string) => MapTypes | undefined,
): PinnedMap[] {
  return opened.map(({ info, path }, i) => {
    const { name } = records[i]! // one for each
    const types = typesOf(name)
    return { name, path, shape: shapeOf(info), ...(types ? { types } : {}) }
  })
}

/** The variables of pinned data sections, from the maps that hold them. */
export function pinnedVariables(
  btf: Btf | undefined,
  maps: readonly BpfMap[],
): { readonly variables: Variable[]; readonly sections: SectionMemory[] } {
  const data = maps.filter(({ name, shape }) => isDataSection(name) && shape.type === 'array')
  if (!btf) return { variables: [], sections: [] }
  const memories = new Map(data.map(map => [map.name, new SectionMemory(map, isConstantSection(map.name))]))
  const found = sectionVariables(btf, namesOf(data))
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

function namesOf(items: readonly { readonly name: string }[]): string[] {
  return items.map(({ name }) => name)
}

function pinsOf({ pins }: Manifest, kind: PinRecord['kind']): PinRecord[] {
  return pins.filter(pin => pin.kind === kind)
}
