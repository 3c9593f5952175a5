import { BpfError } from '../errors.ts'
import { isAttached } from '../link/index.ts'
import { shapeOf } from '../map/index.ts'
import { fullPath, isOutside } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import {
  decodeName,
  draftName,
  isObjectDirectory,
  manifestName,
  nextSuffix,
  previousSuffix,
} from '../plan/names.ts'
import type { MapShape } from '../plan/shape.ts'
import { linkTypeName, programTypeName } from '../spec/kernel.ts'
import {
  closedAfter,
  closeFd,
  type DirectoryEntry,
  EACCES,
  EINVAL,
  ENOENT,
  type LinkInfo,
  linkInfo,
  mapInfo,
  objGet,
  openFile,
  openFlag,
  progInfo,
  readDirectory,
  systemError,
} from '../syscall/index.ts'
import { describe, type Occupant } from './identity.ts'
import { readManifest } from './manifest-map.ts'
import { mustBeTrusted } from './ownership.ts'
import type { Root } from './root.ts'

/** What is pinned below a root and is in no generation of bpfpin's: libbpf's pins, systemd's, cilium's, anybody's. */
export type StrangePin = Strange &
  (
    | { readonly kind: 'map'; readonly id: number; readonly shape: MapShape }
    | { readonly kind: 'program'; readonly id: number; readonly type: string; readonly tag: string }
    | StrangeLink
    /** A pin, or a whole directory, that could not be opened. */
    | { readonly kind: 'unknown'; readonly id: null }
  )

interface StrangeLink {
  readonly kind: 'link'
  readonly id: number
  readonly type: string
  readonly programId: number
  /** As far as the kernel says; empty where it does not. */
  readonly target: string
  /** What it was attached to is gone. */
  readonly isDead: boolean
}

interface Strange {
  readonly path: string
  /** The kernel's name, and the name of the pin for what has none. */
  readonly name: string
}

/** A directory beside an object's own that only bpfpin makes. */
export interface SideDirectory {
  readonly path: string
  readonly object: string
  /** `next`: being built or removed, now or by a process that was stopped; `prev`: kept for rollback. */
  readonly kind: 'next' | 'prev'
}

export interface Strangers {
  readonly pins: readonly StrangePin[]
  readonly sides: readonly SideDirectory[]
  /** What could not be opened, and why; and that there is more than was looked at. */
  readonly notes: readonly string[]
}

/**
 * Levels of directories that are looked into, and how many pins and directories: nobody has that many on purpose, and
 * anybody may make them below a root that everybody may write to.
 */
const depthLimit = 12
const limit = 20_000

/**
 * Walks through everything below a root, from directory to directory by descriptors. Symbolic links are not followed.
 * What cannot be opened is noted and never an error.
 */
export function listStrangers(root: Root): Strangers {
  const walk = new Walk()
  walk.enter(root.fd, '.', root.path, 0)
  return walk.result()
}

class Walk {
  readonly #pins: StrangePin[] = []
  readonly #sides: SideDirectory[] = []
  readonly #notes: string[] = []
  /** Paths in manifests: what objects pinned elsewhere than in their own directory is theirs, too. */
  readonly #known = new Set<string>()
  #seen = 0

  result(): Strangers {
    const pins = this.#pins.filter(({ path }) => !this.#known.has(path))
    if (this.#seen > limit) {
      this.#notes.push(`there are more than ${limit} other pins and directories: not all were looked at`)
    }
    return { pins, sides: this.#sides, notes: this.#notes }
  }

  enter(parent: number, name: string, path: string, depth: number): void {
    const directory = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
    if (directory === ENOENT) return
    // others may not list the directory of an object, and its manifest says what is in it
    if (directory === EACCES && this.#knows(parent, name, path)) return
    if (directory < 0) {
      this.#refuse(path, systemError(directory, 'openat', { doing: `opening '${path}'`, path }))
      return
    }
    closedAfter(directory, () => this.#look(directory, path, depth))
  }

  #look(directory: number, path: string, depth: number): void {
    const entries = readDirectory(directory)
    if (typeof entries === 'number') {
      this.#refuse(path, systemError(entries, 'getdents64', { doing: `reading directory '${path}'`, path }))
      return
    }
    if (isOfObject(path)) this.#learn(directory, path, entries)
    for (const { name, kind } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const at = `${path}/${name}`
      if (this.#known.has(at) || this.#seen > limit) continue
      if (kind === 'file') this.#open(directory, name, at)
      if (kind !== 'directory') continue
      this.#seen++
      this.#noteSide(name, at)
      if (depth < depthLimit) this.enter(directory, name, at, depth + 1)
      else this.#notes.push(`${at} is not looked into: it is more than ${depthLimit} levels deep`)
    }
  }

  /** Is it an object's directory, which can be passed through? */
  #knows(parent: number, name: string, path: string): boolean {
    const directory = openFile(name, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
    if (directory < 0) return false
    try {
      const manifest = isOfObject(path) ? readManifest(directory, path) : undefined
      if (manifest) this.#believe(manifest, directory, path)
      return manifest !== undefined
    } catch (error) {
      if (error instanceof BpfError) return false
      throw error
    } finally {
      closeFd(directory)
    }
  }

  /** What is in a directory's manifest is known, and so is the manifest. */
  #learn(directory: number, path: string, entries: readonly DirectoryEntry[]): void {
    for (const file of [manifestName, draftName]) {
      if (!entries.some(({ name }) => name === file)) continue
      try {
        const manifest = readManifest(directory, path, { name: file })
        if (!manifest) continue
        this.#known.add(`${path}/${file}`)
        this.#believe(manifest, directory, path)
      } catch (error) {
        this.#note(error)
      }
    }
  }

  #believe({ pins }: Manifest, directory: number, path: string): void {
    const reaches = this.#isTrusted(directory, path)
    for (const pin of pins) if (reaches || !isOutside(pin.file)) this.#known.add(fullPath(pin, path))
  }

  /** Another user's manifest could hide anything else from the list by naming it. */
  #isTrusted(directory: number, path: string): boolean {
    try {
      mustBeTrusted(directory, path)
      return true
    } catch (error) {
      // whose it is may not have been found out
      if (!(error instanceof BpfError && error.code === 'ERR_FOREIGN')) this.#note(error)
      return false
    }
  }

  #noteSide(name: string, path: string): void {
    const suffix = [nextSuffix, previousSuffix].find(end => name.endsWith(end))
    if (suffix === undefined) return
    const object = decodeName(name.slice(0, -suffix.length))
    this.#sides.push({ path, object, kind: suffix === nextSuffix ? 'next' : 'prev' })
  }

  #open(directory: number, file: string, path: string): void {
    this.#seen++
    const fd = getAny(file, directory)
    if (fd === ENOENT) return
    try {
      if (fd < 0) throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing: `opening pin '${path}'`, path })
      this.#pins.push(lookAt(fd, path, file))
    } catch (error) {
      this.#refuse(path, error)
    } finally {
      if (fd >= 0) closeFd(fd)
    }
  }

  #refuse(path: string, error: unknown): void {
    this.#note(error)
    this.#pins.push({ kind: 'unknown', path, id: null, name: path.slice(path.lastIndexOf('/') + 1) })
  }

  #note(error: unknown): void {
    if (!(error instanceof BpfError)) throw error
    this.#notes.push(error.message)
  }
}

/** In a directory of another name nobody looks for an object: it would be listed nowhere. */
function isOfObject(path: string): boolean {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return isObjectDirectory(file.replace(/~(next|prev)$/, ''))
}

const BPF_F_RDONLY = 8

/** Maps take no more than read permission that way; links are opened for reading and writing, or not at all. */
function getAny(file: string, directory: number): number {
  const fd = objGet(file, BPF_F_RDONLY, directory)
  return fd === EINVAL ? objGet(file, 0, directory) : fd
}

function lookAt(fd: number, path: string, file: string): StrangePin {
  const occupant = describe(fd)
  if (!occupant) throw new BpfError(`${path} is no map, program or link`, { code: 'ERR_PIN_KIND', path })
  const { kind, id } = occupant
  const common = { path, id, name: occupant.name || file }
  switch (kind) {
    case 'map':
      return { ...common, kind, shape: shapeOf(infoOf(mapInfo(fd), occupant)) }
    case 'program': {
      const { type, tag } = infoOf(progInfo(fd), occupant)
      return { ...common, kind, type: programTypeName(type), tag }
    }
    case 'link':
      return { ...common, kind, ...linkText(infoOf(linkInfo(fd), occupant)) }
  }
}

function infoOf<T extends object>(info: T | number, { kind }: Occupant): T {
  if (typeof info !== 'number') return info
  throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
    doing: `reading information about a pinned ${kind}`,
  })
}

function linkText(info: LinkInfo): Pick<StrangeLink, 'type' | 'programId' | 'target' | 'isDead'> {
  return {
    type: linkTypeName(info.type),
    programId: info.progId,
    target: kernelsTarget(info),
    isDead: !isAttached(info, undefined),
  }
}

/** Where a link is attached, in the kernel's words: numbers for what it has no names for. */
function kernelsTarget(info: LinkInfo): string {
  switch (info.kind) {
    case 'raw_tracepoint':
      return info.name
    case 'cgroup':
      return info.cgroupId === 0 ? '' : `cgroup ${info.cgroupId}`
    case 'netns':
      return info.netnsInode === 0 ? '' : `network namespace ${info.netnsInode}`
    case 'xdp':
    case 'tcx':
    case 'netkit':
      return info.ifindex === 0 ? '' : `interface ${info.ifindex}`
    case 'iter':
      return info.targetName
    case 'struct_ops':
    case 'sockmap':
      return info.mapId === 0 ? '' : `map ${info.mapId}`
    case 'uprobe_multi':
      return info.path
    case 'perf_event':
      return 'path' in info ? info.path : 'name' in info ? info.name : ''
    default:
      return ''
  }
}
