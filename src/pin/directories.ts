import { BpfError } from '../errors.ts'
import { isOutside } from '../plan/layout.ts'
import { pathAt, type Spot, spotOf } from '../plan/steps.ts'
import { closedOnThrow, closeFd, openFile, openFlag, systemError } from '../syscall/index.ts'
import { mustBeSafe } from './ownership.ts'
import { isBpffs, notBpffs, type Root } from './root.ts'
import { openDirectory } from './trusted-path.ts'

/** A file as calls take it: by a directory's descriptor and a path from there. */
export interface PathAt {
  readonly directory: number
  readonly file: string
}

/** The directory that the last step worked in: a generation's pins come one after another. */
interface OpenDirectory {
  readonly path: string
  readonly fd: number
  /** The same directory, from one that stays open. */
  readonly lasting: PathAt
}

const none: OpenDirectory = { path: '', fd: -1, lasting: { directory: -1, file: '' } }

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

  /** A directory, held open while steps stay in it. */
  open(path: string): number {
    // thousands of pins are in one directory
    if (path === this.#open.path && this.#open.fd >= 0) return this.#open.fd
    if (path === '') return this.#root.fd
    const held = this.#held.get(path)
    if (held !== undefined) return held
    this.#enter(path)
    return this.#open.fd
  }

  /** As {@link open}, with the name there. */
  at({ directory, file }: Spot): PathAt {
    return { directory: this.open(directory), file }
  }

  /** As {@link at}; `undefined` where the directory is gone, and so what was in it. */
  find(spot: Spot): PathAt | undefined {
    try {
      return this.at(spot)
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** A path from a directory that stays open: what takes a step back must work without a free descriptor. */
  lasting(spot: Spot): PathAt {
    if (spot.directory === this.#open.path && this.#open.fd >= 0) {
      const { directory, file } = this.#open.lasting
      return { directory, file: `${file}/${spot.file}` }
    }
    const path = pathAt(spot)
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

  #enter(path: string): void {
    this.leave()
    const lasting = this.lasting(spotOf(path))
    const fd = isOutside(path)
      ? openDirectory(path)
      : openFile(lasting.file, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, lasting.directory)
    if (fd < 0) throw systemError(fd, 'openat', { doing: 'opening directory', path: this.fullPath(path) })
    if (isOutside(path)) closedOnThrow(fd, () => mustBeUsable(fd, path))
    this.#open = { path, fd, lasting }
  }
}

/** Where others could put something in the place of a pin, none is made, and none is removed. */
function mustBeUsable(fd: number, path: string): void {
  if (!isBpffs(fd, path)) throw notBpffs(path, path)
  mustBeSafe(fd, path)
}
