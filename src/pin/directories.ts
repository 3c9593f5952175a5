import { BpfError } from '../errors.ts'
import { closeFd, openFile, openFlag, systemError } from '../syscall/index.ts'
import { mustBeSafe } from './ownership.ts'
import { isBpffs, notBpffs, type Root } from './root.ts'
import { openDirectory } from './trusted-path.ts'

/** A file as calls take it: by a directory's descriptor and a path from there. */
export interface PathAt {
  readonly directory: number
  readonly file: string
}

/** The name of a file in its directory. */
export function fileOf(path: string): string {
  let start = path.length
  // of so short a text a loop finds the end sooner than lastIndexOf()
  while (start > 0 && path.charCodeAt(start - 1) !== slash) start--
  return path.slice(start)
}

const slash = 0x2f

/** The directory that the last step worked in: a generation's pins come one after another. */
interface OpenDirectory {
  readonly path: string
  /** What the paths of what is in it start with. */
  readonly prefix: string
  readonly fd: number
  /** The same directory, from one that stays open. */
  readonly lasting: PathAt
}

const none: OpenDirectory = { path: '', prefix: '', fd: -1, lasting: { directory: -1, file: '' } }

/** The directories that steps work in, by paths below a root or absolute ones. */
export class Directories {
  readonly #root: Root
  /** The locked ones by the names that they have now. */
  readonly #held: Map<string, number>
  #open = none

  constructor({ root, held }: { readonly root: Root; readonly held: ReadonlyMap<string, number> }) {
    this.#root = root
    this.#held = new Map(held)
  }

  fullPath(path: string): string {
    return path.startsWith('/') ? path : `${this.#root.path}/${path}`
  }

  /** The directory of a path, held open while steps stay in it, and the name in it. */
  split(path: string): PathAt {
    return { directory: this.of(path), file: fileOf(path) }
  }

  /** As {@link split}: only the directory. */
  of(path: string): number {
    if (this.#isInOpen(path)) return this.#open.fd
    const end = path.lastIndexOf('/')
    if (end < 0) return this.#root.fd
    const parent = path.slice(0, end)
    const held = this.#held.get(parent)
    if (held !== undefined) return held
    this.#enter(parent)
    return this.#open.fd
  }

  /** As {@link split}; `undefined` where the directory is gone, and so what was in it. */
  find(path: string): PathAt | undefined {
    try {
      return this.split(path)
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** A path from a directory that stays open: what takes a step back must work without a free descriptor. */
  lasting(path: string): PathAt {
    if (this.#isInOpen(path)) {
      const { prefix, lasting } = this.#open
      return { directory: lasting.directory, file: `${lasting.file}/${path.slice(prefix.length)}` }
    }
    const end = path.startsWith('/') ? -1 : path.indexOf('/')
    const held = end < 0 ? undefined : this.#held.get(path.slice(0, end))
    if (held === undefined) return { directory: this.#root.fd, file: path }
    return { directory: held, file: path.slice(end + 1) }
  }

  /** What is held is the same, under another name. */
  rename(from: string, to: string): void {
    this.leave()
    const held = this.#held.get(from)
    if (held !== undefined) this.#held.set(to, held)
    this.#held.delete(from)
  }

  /** Lets go of the directory that is open; with a path, if that is it. */
  leave(path: string = this.#open.path): void {
    if (path !== this.#open.path) return
    if (this.#open.fd >= 0) closeFd(this.#open.fd)
    this.#open = none
  }

  /** Thousands of pins are in one directory, and their paths start alike. */
  #isInOpen(path: string): boolean {
    const { fd, prefix } = this.#open
    return fd >= 0 && path.startsWith(prefix) && path.indexOf('/', prefix.length) < 0
  }

  #enter(path: string): void {
    this.leave()
    const isOutside = path === '' || path.startsWith('/')
    const lasting = this.lasting(path)
    const fd = isOutside
      ? openDirectory(path || '/')
      : openFile(lasting.file, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, lasting.directory)
    if (fd < 0) throw systemError(fd, 'openat', { doing: 'opening directory', path: this.fullPath(path) })
    if (isOutside) closedOnThrow(fd, () => mustBeUsable(fd, path))
    this.#open = { path, prefix: `${path}/`, fd, lasting }
  }
}

/** Where others could put something in the place of a pin, none is made, and none is removed. */
function mustBeUsable(fd: number, path: string): void {
  if (!isBpffs(fd, path)) throw notBpffs(path, path)
  mustBeSafe(fd, path)
}

function closedOnThrow(fd: number, act: () => void): void {
  try {
    act()
  } catch (error) {
    closeFd(fd)
    throw error
  }
}
