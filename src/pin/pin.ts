import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { BpfError } from '../errors.ts'
import type { BpfLink } from '../link/index.ts'
import { type BpfMap, learnIds } from '../map/index.ts'
import type { BpfProgram } from '../object/index.ts'
import { isOutside, linkPlace, type PinKind, type Place, pathOf, placesOf } from '../plan/layout.ts'
import type { Manifest, PinRecord } from '../plan/manifest.ts'
import { nextSuffix, previousSuffix } from '../plan/names.ts'
import { type PlannedPin, pinSteps } from '../plan/steps.ts'
import { type LinkOwner, linkOwners } from '../spec/link-owner.ts'
import type { Spec } from '../spec/types.ts'
import { mapInfo } from '../syscall/index.ts'
import { directoriesAbove } from './above.ts'
import { applySteps } from './apply.ts'
import { occupantOf, occupantText } from './identity.ts'
import { inodesOf } from './inodes.ts'
import { partRecords, withParts } from './link-parts.ts'
import { defaultWaitMs, WriterLock } from './lock.ts'
import type { KnownManifest } from './manifest-map.ts'
import { linkRecord, opsRecords, programRecord } from './recorded.ts'
import type { PinSite } from './reuse.ts'
import { Root } from './root.ts'

/** What is to be pinned: everything of an object that lives. */
export interface Pinnable {
  readonly spec: Spec
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly links: ReadonlyMap<string, BpfLink>
}

export interface WriterOptions {
  /**
   * Permissions of the directories that are made, less the umask; pins get `mode & 0o666`. Default 0o700. The object's own
   * directory can be listed by its owner only: who can read a directory can lock it, and writers would wait for him.
   */
  readonly mode?: number
  /** How long to wait for another writer, in milliseconds. Default 10,000. */
  readonly waitMs?: number
}

/** A process that may change an object: its root is open, and it holds the object's lock. */
export class Writer {
  readonly site: PinSite
  readonly root: Root
  readonly lock: WriterLock
  readonly mode: number

  private constructor(site: PinSite, root: Root, lock: WriterLock, mode: number) {
    this.site = site
    this.root = root
    this.lock = lock
    this.mode = mode
  }

  /** Opens the root, which is made if it is not there, and takes the lock; throws as they do. */
  static open(
    site: PinSite,
    object: string,
    { mode = 0o700, waitMs = defaultWaitMs }: WriterOptions,
  ): Writer {
    checkMode(mode)
    for (let attempts = 1; ; attempts++) {
      try {
        return Writer.#enter(site, object, mode, waitMs)
      } catch (error) {
        if (!hasVanished(error) || attempts === mostAttempts) throw error
      }
    }
  }

  static #enter(site: PinSite, object: string, mode: number, waitMs: number): Writer {
    const root = Root.open(site.root, mode)
    try {
      return new Writer(site, root, WriterLock.take(root, object, { mode, waitMs }), mode)
    } catch (error) {
      root.removeMade()
      root.close()
      throw error
    }
  }

  /** Is something pinned under the object's name? */
  get hasCurrent(): boolean {
    return this.lock.current !== undefined
  }

  /** Lets go. A root that was made for a pin that failed is removed again. */
  close(): void {
    this.lock.release()
    this.root.removeMade()
    this.root.close()
  }
}

/** How often a root is opened anew that somebody else removed while this process was about to pin there. */
const mostAttempts = 100

/** Whoever unpins the last object removes the root that was made for it, also under the hands of others. */
function hasVanished(error: unknown): boolean {
  if (!(error instanceof BpfError) || error.code !== 'ENOENT') return false
  return error.syscall === 'mkdirat' || error.syscall === 'openat'
}

function checkMode(mode: number): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return
  const text = Number.isInteger(mode) ? `0o${mode.toString(8)}` : String(mode)
  throw new BpfError(`mode ${text}: permissions are an integer from 0 to 0o777`, { code: 'ERR_VALUE' })
}

/**
 * Pins a whole object: all of it, or nothing.
 *
 * @returns what it is known by
 * @throws BpfError with the kernel's errno.
 */
export function pinObject(live: Pinnable, { site, root, lock, mode }: Writer): KnownManifest | undefined {
  const items = { map: live.maps, program: live.programs, link: withParts(live.links) } as const
  const pins = pinRecords(live, site)
  const descriptorOf = (kind: PinKind, name: string): number => {
    const item = items[kind].get(name)
    if (!item) throw new Error(`the plan pins a ${kind} '${name}' that is not there`)
    return item.fd
  }
  const directories = missingDirectories(pins)
  const made = firstManifest(live, pins, [...directoriesAbove(root), ...directories])
  const manifest = (): Manifest => ({ ...made, inodes: inodesOf(lock.next, pins) })
  const held = new Map([[`${site.directory}${nextSuffix}`, lock.next]])
  let known: KnownManifest | undefined
  const written = (manifest: Manifest, fd: number): void => {
    const info = mapInfo(fd)
    known = typeof info === 'number' ? undefined : { id: info.id, manifest }
  }
  const workshop = { root, held, mode, manifest, written, descriptorOf }
  applySteps(pinSteps(site.directory, pins, directories), workshop)
  return known
}

/**
 * Where each thing that lives is to be pinned.
 *
 * @throws BpfError as {@link itemPins}; `ERR_UNPINNABLE`, `ERR_NAME` where two are to be pinned at one path.
 */
function pinRecords(live: Pinnable, site: PinSite): PinRecord[] {
  const { spec, links } = live
  const owners = new Map(linkOwners(spec).map(owner => [owner.name, owner]))
  const linkPins = [...links.values()].flatMap(link => {
    const owner = owners.get(link.program)
    const place = owner ? linkPlace(owner, site.root, link.label) : null
    if (!place || !owner) return []
    refuseUnpinnable(link)
    refuseByHand(link, owner)
    refuseOwnDirectory(place, site)
    return [{ ...place, id: link.id, ...sharing(place, link.id) }, ...partRecords(link, place)]
  })
  const records = [...itemPins(live, site), ...linkPins]
  refuseOneForTwo(records)
  return records
}

/** The pin of a map or program. */
export interface ItemPin extends PinRecord {
  /** Pinned at its place outside of the directory by the generation before. */
  readonly isThere?: true
}

/**
 * Where the maps and programs are to be pinned.
 *
 * @param before what the generation before has pinned
 * @throws BpfError `EEXIST` where something of somebody else is pinned at a path outside of the object's directory,
 * `ERR_NAME` for a path that cannot be one outside.
 */
export function itemPins(
  { spec, maps, programs }: Omit<Pinnable, 'links'>,
  site: PinSite,
  before: readonly PinRecord[] = [],
): ItemPin[] {
  const own = new Map(before.flatMap(pin => (isOutside(pin.file) && !pin.shared ? [[pin.file, pin]] : [])))
  const pins: ItemPin[] = []
  learnIds(maps.values())
  for (const place of placesOf(spec, site)) {
    const { kind, name, file } = place
    const item = kind === 'map' ? maps.get(name) : programs.get(name)
    if (!item) continue
    const { id } = item
    pins.push(isOutside(file) ? outsidePin(place, id, site, own.get(file)) : { kind, name, file, id })
  }
  return pins
}

function outsidePin(place: Place, id: number, site: PinSite, before: PinRecord | undefined): ItemPin {
  refuseOwnDirectory(place, site)
  if (!before) return { ...place, id, ...sharing(place, id) }
  return { ...place, id, ...(before.id === id ? { isThere: true as const } : {}) }
}

/** @throws BpfError `ERR_UNPINNABLE` for a link that goes with its process. */
export function refuseUnpinnable({ name, unpinnable }: BpfLink): void {
  if (unpinnable === undefined) return
  throw new BpfError(`link '${name}' cannot be pinned: ${unpinnable}`, {
    code: 'ERR_UNPINNABLE',
    hint: `keep it in this process: set its program's link.pinPath to null`,
  })
}

/** What is found again would have a link that the object does not ask for, and an upgrade would detach it. */
function refuseByHand({ name }: BpfLink, { name: program, autoattach }: LinkOwner): void {
  if (autoattach) return
  throw new BpfError(`link '${name}' is not to be pinned: program '${program}' has autoattach: false`, {
    code: 'ERR_UNPINNABLE',
    hint: `set its autoattach to true before pin(); to keep the link in this process, set its link.pinPath to null`,
  })
}

/**
 * The object's own directories come and go with their names: what is pinned there by its path would be lost with them.
 *
 * @throws BpfError `ERR_NAME`
 */
export function refuseOwnDirectory({ kind, name, file: path }: Place, { root, directory }: PinSite): void {
  const own = [directory, `${directory}${nextSuffix}`, `${directory}${previousSuffix}`]
  if (!own.some(one => `${path}/`.startsWith(`${root}/${one}/`))) return
  throw new BpfError(`${kind} '${name}' cannot be pinned at ${path}: the object's own directory is there`, {
    code: 'ERR_NAME',
    path,
    hint: 'a pinPath leads out of it; what has none is pinned in it',
  })
}

/** @throws BpfError `ERR_NAME` where two things are to be pinned at one path. */
export function refuseOneForTwo(records: readonly PinRecord[]): void {
  const taken = new Map<string, PinRecord>()
  for (const record of records) {
    // in the directory no two maps or programs have one name; a label can make a link's that of another
    if (record.kind !== 'link' && !isOutside(record.file)) continue
    const other = taken.get(record.file)
    taken.set(record.file, record)
    if (!other) continue
    const both = `${other.kind} '${other.name}' and ${record.kind} '${record.name}'`
    throw new BpfError(`${both} are to be pinned at one path, ${pathOf(record)}`, {
      code: 'ERR_NAME',
      path: pathOf(record),
    })
  }
}

/** A path outside may have the same map already: it was found there when the object was loaded. */
export function sharing({ kind, name, file: path }: Place, id: number): { readonly shared?: true } {
  const occupant = isOutside(path) ? occupantOf(path) : undefined
  if (!occupant) return {}
  if (occupant.kind === kind && occupant.id === id) return { shared: true }
  throw new BpfError(`pinning ${kind} '${name}': ${occupantText(occupant)} is pinned at ${path}`, {
    code: 'EEXIST',
    errno: 17,
    path,
    hint: 'choose another path, or remove what is pinned there if nobody needs it',
  })
}

/** Directories outside that are not there yet, parents before what is in them. */
export function missingDirectories(pins: readonly PlannedPin[]): string[] {
  const missing = new Set<string>()
  for (const { file: path, shared } of pins) {
    if (!isOutside(path) || shared) continue
    const parents: string[] = []
    for (let at = dirname(path); !existsSync(at); at = dirname(at)) parents.unshift(at)
    for (const parent of parents) missing.add(parent)
  }
  return [...missing]
}

function firstManifest(
  { spec, links, programs }: Pinnable,
  pins: readonly PinRecord[],
  directories: readonly string[],
): Manifest {
  const cookies = new Map(linkOwners(spec).map(({ name, link }) => [name, link.cookie]))
  return {
    generation: 1,
    name: spec.name,
    created: new Date().toISOString(),
    pins,
    links: [...links.values()].map(link => linkRecord(link, cookies.get(link.program))),
    programs: [...programs.values()].flatMap(program =>
      program.spec ? programRecord(spec, program.spec) : [],
    ),
    ...(directories.length > 0 ? { directories } : {}),
    ...opsRecords(spec),
    btf: spec.kernelBtf?.().bytes ?? new Uint8Array(0),
  }
}
