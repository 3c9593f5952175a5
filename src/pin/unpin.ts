import { directories } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import { encodeObjectName, manifestName, nextSuffix } from '../plan/names.ts'
import { unpinSteps } from '../plan/steps.ts'
import {
  closeFd,
  linkGetFdById,
  openFile,
  openFlag,
  readDirectory,
  renameFile,
  renameFlag,
} from '../syscall/index.ts'
import { applySteps, type Left } from './apply.ts'
import { closeGeneration, type Generation, openGeneration } from './generation.ts'
import { defaultWaitMs, WriterLock } from './lock.ts'
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
 *
 * @throws BpfError `ERR_LOCKED` where another process is changing the object, `ERR_FOREIGN` where it is another user's.
 */
export function unpinObject(
  root: Root,
  object: string,
  waitMs: number = defaultWaitMs,
): UnpinReport | undefined {
  using lock = WriterLock.take(root, object, { mode: 0o700, waitMs })
  if (lock.current === undefined) return undefined
  const generation = openGeneration(root, object)
  if (!generation) return undefined
  try {
    const { manifest } = generation
    const name = encodeObjectName(object)
    const staged = `${name}${nextSuffix}`
    const inPlace = hasStrangers(generation)
    const steps = unpinSteps(name, manifest.pins, inPlace)
    const held = new Map([[name, lock.current]])
    const { removed, left } = applySteps(
      steps,
      { root, held, mode: 0o700, descriptorOf: noDescriptor },
      { undo: false },
    )
    // what is not ours gets its path back
    if (!inPlace && left.length > 0) renameFile(staged, name, renameFlag.NOREPLACE, root.fd)
    return {
      removed,
      left: left.map(({ path, why }) => ({ path: path.replace(`/${staged}`, `/${name}`), why })),
      stillAttached: waitForLinks(manifest),
    }
  } finally {
    closeGeneration(generation)
  }
}

function noDescriptor(): number {
  throw new Error('unpinning pins nothing')
}

/** Has anything in the directory a name that the manifest does not list? It must keep its path. */
function hasStrangers({ directory, manifest }: Generation): boolean {
  const known = new Set<string>([
    ...Object.values(directories),
    manifestName,
    ...manifest.pins.map(({ path }) => path),
  ])
  return ['', ...Object.values(directories)].some(parent =>
    entriesOf(directory, parent || '.').some(name => !known.has(parent === '' ? name : `${parent}/${name}`)),
  )
}

function entriesOf(parent: number, name: string): string[] {
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd < 0) return []
  const entries = readDirectory(fd)
  closeFd(fd)
  return typeof entries === 'number' ? [] : entries.map(entry => entry.name)
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
