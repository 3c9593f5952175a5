import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { BpfLink, plannedLinks } from '../link/index.ts'
import { type BpfMap, thisMachine } from '../map/index.ts'
import { BpfProgram, programHash } from '../object/index.ts'
import {
  compareObject,
  comparePinned,
  type PinnedMap,
  type WantedLink,
  type WantedObject,
} from '../plan/compare.ts'
import { fullPath, mapPlace, wholeOf } from '../plan/layout.ts'
import type { Manifest, PinRecord, ProgramRecord } from '../plan/manifest.ts'
import { type MapShape, requestedShape } from '../plan/shape.ts'
import { fits, type ItemVerdict, type MapVerdict, PinMismatchError } from '../plan/verdict.ts'
import { linkOwners } from '../spec/link-owner.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import { targetText } from '../spec/targets.ts'
import type { Spec } from '../spec/types.ts'
import { closeFd, reserveDescriptors } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { liveFacts } from './live.ts'
import { openPin, openPinnedMap } from './open.ts'
import { PinnedTypes } from './pinned-types.ts'
import { liveMap, type PinSite, pinnedMap } from './reuse.ts'

/** An object that was found pinned, everything of it open. */
export interface Found {
  /**
   * By what the programs were known: `'hash'`, of the code as compiled, in the manifest; `'tag'` where there is none, which
   * is weaker.
   */
  readonly identity: 'hash' | 'tag'
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly links: ReadonlyMap<string, BpfLink>
}

/**
 * Opens everything that is pinned of an object, if it is this object: the same maps, constants, code and hooks.
 *
 * @throws PinMismatchError with every difference; BpfError `ERR_PIN_MISSING`, `ERR_PIN_REPLACED`, `ERR_PIN_KIND` where a
 * pin is not what the manifest says, `ERR_LINK_DEAD` where a hook is gone.
 */
export function findObject(spec: Spec, site: PinSite, generation: Generation): Found {
  const found = {
    identity: 'hash' as const,
    maps: new Map<string, BpfMap>(),
    programs: new Map<string, BpfProgram>(),
    links: new Map<string, BpfLink>(),
  }
  try {
    const verdicts = compareFound(spec, site, generation, found.maps)
    const differences = verdicts.filter(item => !fits(item))
    if (differences.length > 0) throw new PinMismatchError(spec.name, generation.path, differences)
    openPrograms(spec, generation, found)
    openLinks(generation, found.links)
    return found
  } catch (error) {
    closeFound(found)
    throw error
  }
}

/** Closes all that was opened. */
export function closeFound({ maps, programs, links }: Omit<Found, 'identity'>): void {
  closeAll(maps.values(), programs.values(), links.values())
}

/**
 * Compares what is pinned with what an object asks for.
 *
 * @param maps is filled with the maps of both, which are the caller's to close, also when this throws
 */
export function compareFound(
  spec: Spec,
  site: PinSite,
  generation: Generation,
  maps: Map<string, BpfMap>,
): ItemVerdict[] {
  return compareOpened(spec, site, generation, maps).verdicts
}

/** As {@link compareFound}, with a look into maps whose verdict depends on what they hold. */
export function compareLive(
  spec: Spec,
  site: PinSite,
  generation: Generation,
  maps: Map<string, BpfMap>,
): ItemVerdict[] {
  const { verdicts, pinned } = compareOpened(spec, site, generation, maps)
  const specs = new Map(spec.maps.map(map => [map.name, map]))
  return verdicts.map(item => {
    const live = maps.get(item.name)
    const map = specs.get(item.name)
    const found = pinned.find(({ name }) => name === item.name)
    if (item.kind !== 'map' || !isDecidedByEntries(item) || !live || !map || !found) return item
    const wanted = requestedShape(map, thisMachine())
    const facts = liveFacts(live, wanted, item.differences?.value, `map '${map.name}'`)
    return comparePinned(spec, map, { ...found, live: facts }, thisMachine())
  })
}

/** Would only entries be lost that may not be there, or parts of values that may be empty? */
function isDecidedByEntries({ verdict, differences }: MapVerdict): boolean {
  const changes = differences?.value?.changes ?? []
  return verdict === 'lossy' && changes.every(({ grade, change }) => grade !== 'lossy' || change === 'cut')
}

function compareOpened(
  spec: Spec,
  site: PinSite,
  generation: Generation,
  maps: Map<string, BpfMap>,
): { readonly verdicts: ItemVerdict[]; readonly pinned: readonly PinnedMap[] } {
  reserveDescriptors(generation.manifest.pins.length)
  const wanted = wantedObject(spec, site)
  const { links } = generation.manifest
  const programs = livingPrograms(spec, generation.manifest)
  const pinned = openMaps(spec, wanted.paths, generation, maps)
  return { verdicts: compareObject(wanted, { maps: pinned, programs, links }, thisMachine()), pinned }
}

/** Without those that were to be attached by the process that loaded them, and are pinned no more than their links are. */
function livingPrograms(spec: Spec, { pins, links, programs }: Manifest): readonly ProgramRecord[] {
  const pinned = new Set(pins.map(({ kind, name }) => `${kind} ${name}`))
  const isHeld = (name: string): boolean =>
    pinned.has(`program ${name}`) ||
    links.some(link => link.program === name && pinned.has(`link ${link.name}`))
  const attached = loadedPrograms(spec).filter(
    program => program.autoattach && plannedLinks(program).some(({ wants }) => wants === undefined),
  )
  const gone = new Set(attached.map(({ name }) => name).filter(name => !isHeld(name)))
  return programs.filter(({ name }) => !gone.has(name))
}

/** Opens maps and programs of a generation as they are pinned; the caller closes them. */
export function openUnlinked(
  spec: Spec,
  generation: Generation,
  maps: Map<string, BpfMap>,
): Omit<Found, 'identity'> {
  const found = { maps, programs: new Map<string, BpfProgram>(), links: new Map<string, BpfLink>() }
  try {
    openPrograms(spec, generation, found)
    return found
  } catch (error) {
    closeAll(found.programs.values())
    throw error
  }
}

/** What an object asks for, at the paths that a site has for it. */
export function wantedObject(spec: Spec, site: PinSite): WantedObject {
  const generationPath = `${site.root}/${site.directory}`
  const paths = new Map<string, string>()
  for (const map of spec.maps) {
    const place = mapPlace(map, site.root, site.layout)
    if (place) paths.set(map.name, fullPath(place, generationPath))
  }
  const loaded = loadedPrograms(spec)
  const links = new Map<string, WantedLink>()
  for (const program of linkOwners(spec)) {
    const { link, autoattach } = program
    if (!autoattach || link.pinPath === null) continue
    const cookie = link.cookie === undefined ? null : String(link.cookie)
    for (const { name, target } of plannedLinks(program)) if (target) links.set(name, { target, cookie })
  }
  return {
    spec,
    paths,
    hashes: new Map(loaded.map(program => [program.name, programHash(spec, program)])),
    links,
  }
}

/**
 * Opens the pinned maps that the object has, too, and describes all that are pinned.
 *
 * @param maps is filled with those that were opened, which are the caller's to close, also when this throws
 */
export function openMaps(
  spec: Spec,
  paths: ReadonlyMap<string, string>,
  generation: Generation,
  maps: Map<string, BpfMap>,
  types: PinnedTypes = new PinnedTypes(spec, generation),
): PinnedMap[] {
  const specs = new Map(spec.maps.map(map => [map.name, map]))
  return pinsOf(generation, 'map').map(record => {
    const map = specs.get(record.name)
    const path = fullPath(record, generation.path)
    if (!map || paths.get(record.name) !== path) return { name: record.name, path, shape: unknownShape }
    const opened = openPinnedMap(generation, record)
    maps.set(record.name, liveMap(types, map, opened))
    return pinnedMap(map, opened, types)
  })
}

/** Of a map that is not looked at, as its name or its path alone makes it another. */
const unknownShape: MapShape = {
  type: 'unspec',
  keySize: 0,
  valueSize: 0,
  maxEntries: 0,
  flags: 0,
  mapExtra: 0,
}

/** Opens the programs of a generation as they are pinned; the caller closes them, also when this throws. */
export function openPrograms(
  spec: Spec,
  generation: Generation,
  { maps, programs }: { readonly maps: Map<string, BpfMap>; readonly programs: Map<string, BpfProgram> },
): void {
  const specs = new Map(spec.programs.map(program => [program.name, program]))
  const types = () => spec.btf
  for (const record of pinsOf(generation, 'program')) {
    const { name } = record
    const fd = openPin(generation, record)
    programs.set(name, new BpfProgram({ name, fd, spec: specs.get(name), maps, types }))
  }
}

/**
 * As {@link openPrograms}, of links.
 *
 * @throws BpfError `ERR_LINK_DEAD`
 */
export function openLinks(generation: Generation, links: Map<string, BpfLink>): void {
  const records = new Map(generation.manifest.links.map(link => [link.name, link]))
  const pins = pinsOf(generation, 'link')
  const parts = pins.filter(({ name }) => wholeOf(name) !== undefined)
  for (const record of pins) {
    const { name } = record
    if (wholeOf(name) !== undefined) continue
    const { program = name, target } = records.get(name) ?? {}
    const [fd, ...others] = openAll(generation, [
      record,
      ...parts.filter(part => wholeOf(part.name) === name),
    ])
    const link = new BpfLink({ fd: fd!, parts: others, name, program, target: target ?? undefined })
    links.set(name, link)
    if (!link.alive) throw dead(generation, record, target ? targetText(target) : '')
  }
}

/** The descriptors of several pins, as many; all of them or none. */
function openAll(generation: Generation, records: readonly PinRecord[]): number[] {
  const open: number[] = []
  try {
    for (const record of records) open.push(openPin(generation, record))
    return open
  } catch (error) {
    for (const fd of open) closeFd(fd)
    throw error
  }
}

function dead(generation: Generation, pin: PinRecord, target: string): BpfError {
  return new BpfError(`link '${pin.name}' is dead: what it was attached to (${target}) is gone`, {
    code: 'ERR_LINK_DEAD',
    path: fullPath(pin, generation.path),
    hint: 'unpin the object, and pin it again',
  })
}

function pinsOf({ manifest }: Generation, kind: PinRecord['kind']): PinRecord[] {
  return manifest.pins.filter(pin => pin.kind === kind)
}
