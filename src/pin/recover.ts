import { BpfError } from '../errors.ts'
import { directories, isOutside } from '../plan/layout.ts'
import { isOfMap, type Manifest, type PinRecord } from '../plan/manifest.ts'
import { draftName, manifestName } from '../plan/names.ts'
import { keptPath, stagedPath } from '../plan/upgrade-steps.ts'
import {
  closedAfter,
  closeFd,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  linkDetach,
  linkInfo,
  objGet,
  openFile,
  openFlag,
  removeDirectory,
  systemError,
  unlinkFile,
} from '../syscall/index.ts'
import { entriesOf } from './entries.ts'
import { idOf } from './identity.ts'
import { readManifest } from './manifest-map.ts'
import { mustBeOurs } from './ownership.ts'
import type { Root } from './root.ts'
import { getPin, removeEmpty, removePin } from './trusted-path.ts'

/** A generation whose pins outside stay. */
export interface Staying {
  readonly manifest: Manifest
  /** Where a pin of it may lie instead of at its path. */
  readonly beside?: (path: string) => string
}

/** What there is besides a generation that is removed. */
export interface Others {
  /** The manifest of the current generation. */
  current(): Manifest | undefined
  /** The manifest of a generation that is kept: a rollback pins what is kept. */
  previous(): Manifest | undefined
  /** There is no current one: links in this one are no other's, and are detached whoever holds them. */
  readonly isAlone: boolean
}

/**
 * Clears a directory that a stopped writer left: the pins in it, and those outside that its draft or its manifest lists.
 * What is pinned outside is removed only where it still is what is listed, and is not that of one that stays as well.
 *
 * @param directory open, locked, and ours
 */
export function clearLeftover(directory: number, path: string, { current, previous, isAlone }: Others): void {
  const staying = (): Staying[] => [...standing(current()), ...standing(previous(), keptPath)]
  clear(directory, path, staying, isAlone)
}

function standing(manifest: Manifest | undefined, beside?: Staying['beside']): Staying[] {
  return manifest ? [beside ? { manifest, beside } : { manifest }] : []
}

function clear(directory: number, path: string, staying: () => readonly Staying[], isAlone: boolean): void {
  const entries = namesIn(directory, '.', path)
  if (entries.length === 0) return
  for (const name of [draftName, manifestName]) {
    const manifest = entries.includes(name) ? readManifest(directory, path, { name }) : undefined
    if (manifest) removeOutside(manifest, staying())
  }
  for (const name of entries) {
    const unlinked = unlinkFile(name, directory)
    if (unlinked !== EISDIR) {
      check(unlinked, `${path}/${name}`)
      continue
    }
    for (const pin of namesIn(directory, name, path)) {
      if (isAlone && name === directories.link) detach(`${name}/${pin}`, directory)
      check(unlinkFile(`${name}/${pin}`, directory), `${path}/${name}/${pin}`)
    }
    check(removeDirectory(name, directory), `${path}/${name}`)
  }
}

/** Where the kernel cannot, or who may not, the link goes with its last pin. */
function detach(pin: string, directory: number): void {
  const fd = objGet(pin, 0, directory)
  if (fd < 0) return
  linkDetach(fd)
  closeFd(fd)
}

/**
 * Removes a whole generation that nobody looks for by its name, as one that was kept for a way back.
 *
 * @param name of its directory, below the root
 * @param staying pins outside may be theirs as well
 * @throws BpfError `ERR_FOREIGN` for the directory of another user.
 */
export function dropGeneration(root: Root, name: string, staying: readonly Staying[]): void {
  const path = `${root.path}/${name}`
  const directory = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, root.fd)
  if (directory === ENOENT) return
  if (directory < 0) throw systemError(directory, 'openat', { doing: `removing '${path}'`, path })
  closedAfter(directory, () => {
    mustBeOurs(directory, path)
    clear(directory, path, () => staying, false)
    check(removeDirectory(name, root.fd), path)
  })
}

function removeOutside(manifest: Manifest, staying: readonly Staying[]): void {
  const { pins, directories: made = [] } = manifest
  const stays = staying.map(stayingPins)
  for (const pin of pins) {
    const { file: path, shared } = pin
    if (!isOutside(path) || shared) continue
    // it may lie beside the path that it was to have, or had
    for (const place of [path, stagedPath(path), keptPath(path)]) {
      if (stays.some(isThere => isThere(place, pin))) continue
      if (isStill(place, pin, manifest))
        check(
          reachable(() => removePin(place)),
          place,
        )
    }
  }
  // those that are not empty belong to whoever pinned something there since
  const stay = new Set(staying.flatMap(({ manifest: { directories = [] } }) => directories))
  for (const path of made.toReversed()) {
    const result = stay.has(path) ? 0 : reachable(() => removeEmpty(path))
    // somebody pinned in it, or put something else there
    if (result !== ENOTEMPTY && result !== ENOTDIR) check(result, path)
  }
}

/** Is a pin at this place that of a generation which stays, too? */
function stayingPins({ manifest, beside }: Staying): (place: string, pin: PinRecord) => boolean {
  const ids = new Map(manifest.pins.flatMap(({ file, id }) => (isOutside(file) ? [[file, id]] : [])))
  return (place, { file, id }) => {
    if (place !== file && place !== beside?.(file)) return false
    return ids.has(file) && (id === 0 || ids.get(file) === id)
  }
}

/** Where another user could lead the way elsewhere, nothing is as it was left: it stays. */
function reachable(act: () => number): number {
  try {
    return act()
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ERR_FOREIGN') return ENOENT
    throw error
  }
}

function isStill(path: string, { kind, id, name }: PinRecord, { pins, links }: Manifest): boolean {
  const fd = reachable(() => getPin(path))
  if (fd === ENOENT) return false
  check(fd, path, 'bpf(BPF_OBJ_GET)')
  try {
    const found = idOf(fd, kind)
    if (id !== 0 || found === undefined) return found === id
    // a link that was made after this was written is known by what it runs
    const record = links.find(link => link.name === name)
    const held = record && isOfMap(record) ? 'map' : 'program'
    const owner = pins.find(pin => pin.kind === held && pin.name === record?.program)
    const info = linkInfo(fd)
    if (typeof info === 'number') return false
    return (info.kind === 'struct_ops' ? info.mapId : info.progId) === owner?.id
  } finally {
    closeFd(fd)
  }
}

function namesIn(parent: number, name: string, path: string): string[] {
  const about = { doing: `clearing '${path}'`, path: `${path}/${name}` }
  return entriesOf(parent, name, about).map(entry => entry.name)
}

function check(result: number, path: string, syscall = 'unlinkat'): void {
  if (result >= 0 || result === ENOENT) return
  throw systemError(result, syscall, { doing: 'clearing what a stopped process left', path })
}
