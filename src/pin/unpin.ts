import { directories, isOutside, type PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import { encodeObjectName, manifestName } from '../plan/names.ts'
import { type KnownPlace, unpinSteps } from '../plan/steps.ts'
import { closeFd, linkGetFdById, objGet, openFile, openFlag, readDirectory } from '../syscall/index.ts'
import { applySteps, type Left } from './apply.ts'
import { type Generation, openGeneration } from './generation.ts'
import { idOf } from './identity.ts'
import type { Root } from './root.ts'

/** What an unpin did. */
export interface UnpinReport {
  /** Pins that are gone. */
  readonly removed: number
  /** What was found and left, and why: pins that are not this object's. */
  readonly left: readonly Left[]
  /** Links that somebody else still holds: their programs go on running. */
  readonly stillAttached: readonly string[]
}

/**
 * Removes the pins of an object, links first, and the directories that are empty then. Only what the manifest lists, and
 * only where it still is what the manifest says; `undefined` where nothing is pinned under that name.
 */
export function unpinObject(root: Root, object: string): UnpinReport | undefined {
  const generation = openGeneration(root, object)
  if (!generation) return undefined
  try {
    const { manifest } = generation
    const pins: KnownPlace[] = [...manifest.pins]
    const inPlace = hasStrangers(generation)
    const steps = unpinSteps(encodeObjectName(object), pins, inPlace)
    const { removed, left } = applySteps(
      steps,
      { root, mode: 0o700, descriptorOf: noDescriptor },
      { undo: false },
    )
    return { removed, left, stillAttached: waitForLinks(manifest) }
  } finally {
    closeFd(generation.directory)
  }
}

function noDescriptor(): number {
  throw new Error('unpinning pins nothing')
}

/** Is anything in the directory that the manifest does not list, or that is not what it lists? It must keep its path. */
function hasStrangers({ directory, manifest }: Generation): boolean {
  const listed = new Map(manifest.pins.filter(({ path }) => !isOutside(path)).map(pin => [pin.path, pin]))
  const names = entriesOf(directory, '.')
  const known = new Set<string>([...Object.values(directories), manifestName])
  if (names.some(name => !known.has(name))) return true
  for (const kind of Object.keys(directories) as PinKind[]) {
    for (const name of entriesOf(directory, directories[kind])) {
      const pin = listed.get(`${directories[kind]}/${name}`)
      if (!pin || !isStill(directory, pin.path, kind, pin.id)) return true
    }
  }
  return false
}

function entriesOf(parent: number, name: string): string[] {
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd < 0) return []
  const entries = readDirectory(fd)
  closeFd(fd)
  return typeof entries === 'number' ? [] : entries.map(entry => entry.name)
}

function isStill(directory: number, path: string, kind: PinKind, id: number): boolean {
  const fd = objGet(path, 0, directory)
  if (fd < 0) return false
  const found = idOf(fd, kind)
  closeFd(fd)
  return found === id
}

/** The kernel lets go of a link some time after its last pin is gone (kernel/bpf/syscall.c: bpf_link_put). */
const patienceMs = 1000
const pauseMs = 5

function waitForLinks({ pins }: Manifest): string[] {
  let waiting = pins.filter(({ kind }) => kind === 'link')
  const end = performance.now() + patienceMs
  for (;;) {
    waiting = waiting.filter(({ id }) => linkExists(id))
    if (waiting.length === 0 || performance.now() > end) return waiting.map(({ name }) => name)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
  }
}

function linkExists(id: number): boolean {
  const fd = linkGetFdById(id)
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}
