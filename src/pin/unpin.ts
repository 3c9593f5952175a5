import { BpfError } from '../errors.ts'
import type { Manifest } from '../plan/manifest.ts'
import { encodeObjectName, nextSuffix, previousSuffix } from '../plan/names.ts'
import { unpinSteps } from '../plan/steps.ts'
import { renameFile, renameFlag } from '../syscall/index.ts'
import { isAbove, removeAbove } from './above.ts'
import { applySteps } from './apply.ts'
import { closeGeneration, openGeneration } from './generation.ts'
import { seenIn } from './inodes.ts'
import { awaitLinks } from './links-gone.ts'
import { defaultWaitMs, WriterLock } from './lock.ts'
import type { KnownManifest } from './manifest-map.ts'
import { dropGeneration } from './recover.ts'
import { takeOut } from './registrations.ts'
import type { Root } from './root.ts'
import type { Left } from './workshop.ts'

/** What an unpin did. */
export interface UnpinReport {
  /** Pins that are gone. */
  readonly removed: number
  /** What was found and left, and why: pins that are not this object's. */
  readonly left: readonly Left[]
  /** Links that somebody else still holds: their programs go on running. */
  readonly stillAttached: readonly string[]
}

/** What an unpin did to the pins, before the kernel has let go of the links. */
export interface Unpinned extends Omit<UnpinReport, 'stillAttached'> {
  readonly manifest: Manifest
}

export interface UnpinOptions {
  /** How long to wait for another writer, in milliseconds. */
  readonly waitMs?: number | undefined
  /** Is this the generation that is meant? Another one is left alone. */
  readonly isMeant?: (manifest: Manifest) => boolean
  /** What its manifest is likely to be, to those who pinned it. */
  readonly known?: KnownManifest | undefined
}

/**
 * Removes the pins of an object, links first, and the directories that are empty then. Only what the manifest lists, and
 * only where it still is what the manifest says; `undefined` where nothing is pinned under that name.
 *
 * Directories that were made for the root go, too, once nobody has anything in them.
 *
 * @throws BpfError `ERR_LOCKED` where another process is changing the object, `ERR_FOREIGN` where it is another user's.
 */
export function removePins(root: Root, object: string, options: UnpinOptions = {}): Unpinned | undefined {
  const unpinned = removeLocked(root, object, options)
  // with the lock the last of our own has left the root
  if (unpinned) removeAbove(root, unpinned.manifest.directories ?? [])
  return unpinned
}

function removeLocked(
  root: Root,
  object: string,
  { waitMs = defaultWaitMs, isMeant = () => true, known }: UnpinOptions,
): Unpinned | undefined {
  using lock = takeLock(root, object, waitMs)
  if (!lock) return undefined
  if (lock.current === undefined) return undefined
  const generation = openGeneration(root, object, undefined, known)
  if (!generation) return undefined
  try {
    const { manifest } = generation
    if (!isMeant(manifest)) return undefined
    const name = encodeObjectName(object)
    // first, so that a stop in between leaves an object without a way back, and not a way back to nothing
    dropGeneration(root, `${name}${previousSuffix}`, [generation])
    const staged = `${name}${nextSuffix}`
    const { isSeen, hasStrangers: inPlace } = seenIn(generation)
    const outside = manifest.directories?.filter(path => !isAbove(path, root))
    const steps = unpinSteps(name, manifest.pins, { inPlace, outside, isSeen })
    const workshop = { root, held: new Map([[name, lock.current]]), mode: 0o700, descriptorOf: noDescriptor }
    takeOut(generation)
    const { removed, left } = applySteps(steps, workshop, { undo: false })
    // what is not ours gets its path back
    if (!inPlace && left.length > 0) renameFile(staged, name, renameFlag.NOREPLACE, root.fd)
    return {
      removed,
      left: left.map(({ path, why }) => ({ path: path.replace(`/${staged}`, `/${name}`), why })),
      manifest,
    }
  } finally {
    closeGeneration(generation)
  }
}

/** As {@link removePins}, and waits until the kernel has let go of the links, a second at most. */
export function unpinObject(root: Root, object: string, options: UnpinOptions = {}): UnpinReport | undefined {
  const unpinned = removePins(root, object, options)
  return unpinned && report(unpinned)
}

/** What an unpin came to, once the kernel has let go of the links; waits for that for a second at most. */
export function report({ removed, left, manifest }: Unpinned): UnpinReport {
  return { removed, left, stillAttached: waitForLinks(manifest) }
}

/** `undefined` where the root was removed since it was opened: with the object, so. */
function takeLock(root: Root, object: string, waitMs: number): WriterLock | undefined {
  try {
    return WriterLock.take(root, object, { mode: 0o700, waitMs })
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT' && error.syscall === 'mkdirat') return undefined
    throw error
  }
}

function noDescriptor(): number {
  throw new Error('unpinning pins nothing')
}

function waitForLinks({ pins }: Manifest): string[] {
  const links = pins.filter(({ kind }) => kind === 'link')
  const left = new Set(awaitLinks(links.map(({ id }) => id)))
  return links.filter(({ id }) => left.has(id)).map(({ name }) => name)
}
