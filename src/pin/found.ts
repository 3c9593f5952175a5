import { BpfLink } from '../link/index.ts'
import { type BpfMap, thisMachine } from '../map/index.ts'
import { BpfProgram, programHash } from '../object/index.ts'
import { compareObject, type PinnedMap } from '../plan/compare.ts'
import { isOutside, mapPlace } from '../plan/layout.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { fits, PinMismatchError } from '../plan/verdict.ts'
import type { Spec } from '../spec/types.ts'
import { reserveDescriptors } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { openPin, openPinnedMap } from './open.ts'
import { liveMap, type PinSite, pinnedMap } from './reuse.ts'

/** An object that was found pinned, everything of it open. */
export interface Found {
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly links: ReadonlyMap<string, BpfLink>
}

/**
 * Opens everything that is pinned of an object, if it is this object: the same maps, constants and code.
 *
 * @throws PinMismatchError with every difference; BpfError `ERR_PIN_MISSING`, `ERR_PIN_REPLACED` where a pin is not what
 * the manifest says.
 */
export function findObject(spec: Spec, site: PinSite, generation: Generation): Found {
  const found = {
    maps: new Map<string, BpfMap>(),
    programs: new Map<string, BpfProgram>(),
    links: new Map<string, BpfLink>(),
  }
  const close = (): void => {
    for (const items of Object.values(found)) for (const item of items.values()) item.close()
  }
  try {
    reserveDescriptors(generation.manifest.pins.length)
    const pinned = openMaps(spec, site, generation, found.maps)
    const hashes = new Map(
      spec.programs
        .filter(({ autoload }) => autoload)
        .map(program => [program.name, programHash(spec, program)]),
    )
    const { programs } = generation.manifest
    const differences = compareObject(spec, hashes, { maps: pinned, programs }, thisMachine()).filter(
      item => !fits(item),
    )
    if (differences.length > 0) throw new PinMismatchError(spec.name, generation.path, differences)
    openPrograms(spec, generation, found.programs)
    openLinks(generation, found.links)
    return found
  } catch (error) {
    close()
    throw error
  }
}

/** Opens the pinned maps that the object has, too, and describes all that are pinned. */
function openMaps(spec: Spec, site: PinSite, generation: Generation, maps: Map<string, BpfMap>): PinnedMap[] {
  const specs = new Map(spec.maps.map(map => [map.name, map]))
  return pinsOf(generation, 'map').map(record => {
    const map = specs.get(record.name)
    // a map that the object wants pinned at another place is not this one
    const isWanted = map && mapPlace(map, site.root, site.layout)?.path === record.path
    if (!isWanted) return unopened(record, generation)
    const opened = openPinnedMap(generation, record)
    maps.set(record.name, liveMap(spec, map, opened))
    return pinnedMap(map, opened)
  })
}

function unopened({ name, path }: PinRecord, generation: Generation): PinnedMap {
  const shape = { type: 'unspec', keySize: 0, valueSize: 0, maxEntries: 0, flags: 0, mapExtra: 0 } as const
  return { name, path: isOutside(path) ? path : `${generation.path}/${path}`, shape }
}

function openPrograms(spec: Spec, generation: Generation, programs: Map<string, BpfProgram>): void {
  const specs = new Map(spec.programs.map(program => [program.name, program]))
  for (const record of pinsOf(generation, 'program')) {
    const { name } = record
    programs.set(name, new BpfProgram({ name, fd: openPin(generation, record), spec: specs.get(name) }))
  }
}

function openLinks(generation: Generation, links: Map<string, BpfLink>): void {
  const records = new Map(generation.manifest.links.map(link => [link.name, link]))
  for (const record of pinsOf(generation, 'link')) {
    const { name } = record
    const { program = name, target } = records.get(name) ?? {}
    links.set(
      name,
      new BpfLink({ fd: openPin(generation, record), name, program, target: target ?? undefined }),
    )
  }
}

function pinsOf({ manifest }: Generation, kind: PinRecord['kind']): PinRecord[] {
  return manifest.pins.filter(pin => pin.kind === kind)
}
