import { BpfError } from '../errors.ts'
import { isAttached } from '../link/index.ts'
import { shapeOf } from '../map/index.ts'
import { fullPath, wholeOf } from '../plan/layout.ts'
import type { LinkRecord, PinRecord } from '../plan/manifest.ts'
import {
  decodeName,
  encodeObjectName,
  isObjectDirectory,
  manifestName,
  nextSuffix,
  previousSuffix,
} from '../plan/names.ts'
import type { MapShape } from '../plan/shape.ts'
import { linkTypeName, programTypeName } from '../spec/kernel.ts'
import { targetText } from '../spec/targets.ts'
import {
  closeFd,
  EACCES,
  ELOOP,
  ENOENT,
  ENOTDIR,
  EPERM,
  linkInfo,
  openFile,
  openFlag,
  progInfo,
  systemError,
} from '../syscall/index.ts'
import { entriesOf } from './entries.ts'
import { type Generation, isCurrent, openGeneration, readPrevious } from './generation.ts'
import { openPin, openPinnedMap } from './open.ts'
import type { Root } from './root.ts'

/** A pinned object as a list shows it. */
export interface ListedObject {
  readonly name: string
  readonly path: string
  readonly generation: number
  readonly created: string
  readonly maps: readonly ListedMap[]
  readonly programs: readonly ListedProgram[]
  readonly links: readonly ListedLink[]
  /** What an upgrade kept for a way back. */
  readonly previous: ListedPrevious | null
  /** Pins that could not be opened, and why. */
  readonly problems: readonly string[]
  /** What is not known of what is listed, and why. */
  readonly notes: readonly string[]
}

/** A generation that was kept. */
export interface ListedPrevious {
  readonly generation: number
  readonly path: string
}

interface Listed {
  readonly name: string
  /** The pin. */
  readonly path: string
  readonly id: number
}

export interface ListedMap extends Listed, Omit<MapShape, 'mapExtra' | 'flags'> {}

export interface ListedProgram extends Listed {
  readonly type: string
  readonly tag: string
}

export interface ListedLink extends Listed {
  readonly type: string
  /** `null` where neither the kernel nor the manifest may tell. */
  readonly programId: number | null
  /** Where it is attached, as the manifest says; empty where it does not. */
  readonly target: string
  /** What it was attached to is gone: it does nothing any more. `null` for who may not open it. */
  readonly dead: boolean | null
}

/** The names of the objects that bpfpin pinned below a root, in alphabetical order. */
export function objectNames(root: Root): string[] {
  const { path } = root
  return entriesOf(root.fd, '.', { doing: `reading directory '${path}'`, path })
    .filter(
      ({ kind, name }) =>
        kind === 'directory' && !name.endsWith(nextSuffix) && !name.endsWith(previousSuffix),
    )
    .filter(({ name }) => isObjectDirectory(name) && hasManifest(root, name))
    .map(({ name }) => decodeName(name))
    .sort()
}

/**
 * Is there an object of this name?
 *
 * @throws BpfError with the kernel's errno where that cannot be found out.
 */
export function hasObject(root: Root, name: string): boolean {
  return hasManifest(root, encodeObjectName(name))
}

function hasManifest(root: Root, file: string): boolean {
  const fd = openFile(`${file}/${manifestName}`, openFlag.PATH | openFlag.NOFOLLOW, root.fd)
  if (fd >= 0) closeFd(fd)
  if (fd >= 0 || noManifest.has(fd)) return fd >= 0
  // an object is not to be missing from a list because this process may open no more files
  const path = `${root.path}/${file}/${manifestName}`
  throw systemError(fd, 'openat', { doing: 'looking for objects', path })
}

/** There is none, or none that this process may see. */
const noManifest: ReadonlySet<number> = /* @__PURE__ */ new Set([ENOENT, ENOTDIR, EACCES, EPERM, ELOOP])

/** Everything that is pinned of one object; `undefined` where nothing is pinned under that name. */
export function listObject(root: Root, name: string): ListedObject | undefined {
  for (;;) {
    const generation = openGeneration(root, name, 'any')
    if (!generation) return undefined
    try {
      const listed = describe(root, name, generation)
      // what was replaced while we looked loses its links and then the rest
      if (listed.problems.length === 0 || isCurrent(root, name, generation)) return listed
    } finally {
      closeFd(generation.directory)
    }
  }
}

function describe(root: Root, name: string, generation: Generation): ListedObject {
  const { manifest, path } = generation
  const problems: string[] = []
  const each = <T>(kind: PinRecord['kind'], look: (record: PinRecord, path: string) => T): T[] =>
    manifest.pins.flatMap(record => {
      if (record.kind !== kind) return []
      try {
        const item = look(record, fullPath(record, path))
        // a part of a link has no line of its own
        return kind === 'link' && wholeOf(record.name) !== undefined ? [] : [item]
      } catch (error) {
        if (!(error instanceof BpfError)) throw error
        problems.push(error.message)
        return []
      }
    })
  const targets = new Map(manifest.links.map(link => [link.name, link]))
  const maps = each('map', (record, at) => listMap(generation, record, at))
  const programs = each('program', (record, at) => listProgram(generation, record, at))
  const links = each('link', (record, at) => listLink(generation, record, at, targets.get(record.name)))
  const isUnknown = links.some(({ dead }) => dead === null)
  return {
    name,
    path,
    generation: manifest.generation,
    created: manifest.created,
    maps,
    programs,
    links,
    previous: listPrevious(root, name),
    problems,
    notes: isUnknown
      ? [`links of '${name}' are as its manifest has them: who may write to them can look`]
      : [],
  }
}

/** The generation of an object that an upgrade kept, as far as it can be read. */
export function listPrevious(root: Root, name: string): ListedPrevious | null {
  try {
    const previous = readPrevious(root, name)
    return previous ? { generation: previous.manifest.generation, path: previous.path } : null
  } catch (error) {
    // half of one that is being removed, or one that only its owner can look into
    if (error instanceof BpfError) return null
    throw error
  }
}

function listMap(generation: Generation, record: PinRecord, path: string): ListedMap {
  const { fd, info } = openPinnedMap(generation, record, { readOnly: true, owner: 'any' })
  closeFd(fd)
  const { type, keySize, valueSize, maxEntries } = shapeOf(info)
  return { name: record.name, path, id: info.id, type, keySize, valueSize, maxEntries }
}

function listProgram(generation: Generation, record: PinRecord, path: string): ListedProgram {
  const fd = openPin(generation, record, { readOnly: true, owner: 'any' })
  const info = progInfo(fd)
  closeFd(fd)
  if (typeof info === 'number') throw unreadable(info, record, path)
  return { name: record.name, path, id: info.id, type: programTypeName(info.type), tag: info.tag }
}

function listLink(
  generation: Generation,
  record: PinRecord,
  path: string,
  link: LinkRecord | undefined,
): ListedLink {
  const target = link?.target ? targetText(link.target) : ''
  const fd = openLink(generation, record)
  if (fd === undefined) return { ...listed(generation, record, path, link), target, dead: null }
  const info = linkInfo(fd)
  closeFd(fd)
  if (typeof info === 'number') throw unreadable(info, record, path)
  const { id, type, progId } = info
  const dead = !isAttached(info, link?.target ?? undefined)
  return { name: record.name, path, id, type: linkTypeName(type), programId: progId, target, dead }
}

/** Links are opened for writing or not at all (kernel/bpf/inode.c: bpf_obj_get_user); `undefined` for who may only read. */
function openLink(generation: Generation, record: PinRecord): number | undefined {
  try {
    return openPin(generation, record, { owner: 'any' })
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EACCES') return undefined
    throw error
  }
}

/** A link as the manifest has it. */
function listed(
  { manifest }: Generation,
  { name, id }: PinRecord,
  path: string,
  link: LinkRecord | undefined,
): Omit<ListedLink, 'target' | 'dead'> {
  const program = manifest.pins.find(pin => pin.kind === 'program' && pin.name === link?.program)
  return { name, path, id, type: link?.type ?? 'unknown', programId: program?.id ?? null }
}

function unreadable(result: number, { kind, name }: PinRecord, path: string): BpfError {
  return systemError(result, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
    doing: `reading information about ${kind} '${name}'`,
    path,
  })
}
