import { BpfError } from '../errors.ts'
import { defaultRoot } from '../plan/names.ts'
import {
  BPF_FS_MAGIC,
  closeFd,
  EEXIST,
  ENOENT,
  fileStatus,
  fileSystemType,
  makeDirectory,
  openFile,
  openFlag,
  settledPath,
  systemError,
} from '../syscall/index.ts'
import { mustBeSafe, type Owner, writeByOthers } from './ownership.ts'
import { openDirectory, removeEmpty } from './trusted-path.ts'

/**
 * The path of a root as any process finds it. The number of a descriptor means another file, or none, to other processes:
 * so it gives way to the directory's own path, where it has one.
 */
export function rootPath(asked: string): string {
  return settledPath(asked)
}

/**
 * A directory on bpffs, open, below which objects are pinned. Everything is done from its descriptor, so that nobody can
 * put another directory in its place meanwhile.
 */
export class Root {
  readonly path: string
  readonly fd: number
  /** Directories that were made for it, the deepest last. */
  readonly #made: readonly string[]

  private constructor(path: string, fd: number, made: readonly string[] = []) {
    this.path = path
    this.fd = fd
    this.#made = made
  }

  /** Paths of the directories that were made for it, the deepest last. */
  get made(): readonly string[] {
    return this.#made
  }

  /** Removes the directories that were made for it, as far as they are empty: nothing came of what they were made for. */
  removeMade(): void {
    removeAll(this.#made)
  }

  /**
   * Opens a root. One that is not there is made, its parents too, once the first directory that is there is known to be
   * on bpffs.
   *
   * @throws BpfError `ERR_NO_BPFFS` for a directory of another file system, `ERR_FOREIGN` where another user could put
   * something in the place of what is pinned.
   */
  static open(path: string, mode: number): Root {
    const missing: string[] = []
    for (let at = path; ; at = parentOf(at)) {
      const fd = openDirectory(at)
      if (fd >= 0) return Root.#enter(path, at, fd, missing, mode)
      if (fd !== ENOENT) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path: at })
      missing.unshift(at.slice(at.lastIndexOf('/') + 1))
    }
  }

  /**
   * Opens a root; `undefined` where there is no such directory, or none on bpffs: nothing can be pinned there.
   *
   * @throws BpfError `ERR_FOREIGN` where the path leads through a symbolic link of another user.
   */
  static find(path: string, owner?: Owner): Root | undefined {
    const fd = openDirectory(path, owner)
    if (fd === ENOENT) return undefined
    if (fd < 0) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path })
    let isUsable = false
    try {
      isUsable = isBpffs(fd, path)
    } finally {
      if (!isUsable) closeFd(fd)
    }
    return isUsable ? new Root(path, fd) : undefined
  }

  static #enter(path: string, existing: string, fd: number, missing: readonly string[], mode: number): Root {
    let directory = fd
    const made: string[] = []
    try {
      if (!isBpffs(fd, path)) throw notBpffs(path, existing)
      let at = existing.replace(/\/$/, '')
      for (const name of missing) {
        at = `${at}/${name}`
        if (makeIn(directory, name, path, mode & ~writeByOthers)) made.push(at)
        directory = enter(directory, name, path)
      }
      mustBeSafe(directory, path)
    } catch (error) {
      closeFd(directory)
      removeAll(made)
      throw error
    }
    return new Root(path, directory, made)
  }

  /**
   * Does a name in the root still lead to a directory that is open?
   *
   * @throws BpfError with the kernel's errno where that cannot be found out.
   */
  isNamed(name: string, directory: number): boolean {
    const named = fileStatus(name, this.fd)
    if (named === ENOENT) return false
    const open = fileStatus(directory)
    if (typeof open === 'object' && typeof named === 'object') {
      return open.inode === named.inode && open.device === named.device
    }
    const path = `${this.path}/${name}`
    const result = typeof open === 'number' ? open : Number(named)
    throw systemError(result, 'statx', { doing: `looking whether '${path}' is still the same`, path })
  }

  /**
   * Refuses a root in which another user could put something in the place of what is pinned.
   *
   * @throws BpfError `ERR_FOREIGN`
   */
  mustBeSafe(owner?: Owner): void {
    mustBeSafe(this.fd, this.path, owner)
  }

  /**
   * Refuses a root to which its path does not lead any more, as something was mounted over it, or it was unmounted or moved:
   * nobody would find what is pinned there.
   *
   * @throws BpfError `ERR_NO_BPFFS`
   */
  mustBeFound(): void {
    // the number of a descriptor: what it is open on has no path
    if (this.path.startsWith('/proc/')) return
    const open = fileStatus(this.fd)
    const found = fileStatus(`${this.path}/.`)
    const failed = typeof open === 'number' ? open : typeof found === 'number' && found !== ENOENT ? found : 0
    if (failed < 0) {
      const doing = `looking whether '${this.path}' is still the same`
      throw systemError(failed, 'statx', { doing, path: this.path })
    }
    if (typeof open === 'object' && typeof found === 'object') {
      if (open.inode === found.inode && open.device === found.device) return
    }
    throw new BpfError(`'${this.path}' is not the directory any more that it was when this call began`, {
      code: 'ERR_NO_BPFFS',
      path: this.path,
      hint: 'a file system was mounted over it, or it was unmounted or moved: see findmnt(8), and try again',
    })
  }

  /** The user that something of that name belongs to; `undefined` where there is nothing. */
  ownerOf(name: string): number | undefined {
    const status = fileStatus(name, this.fd)
    return typeof status === 'number' ? undefined : status.uid
  }

  close(): void {
    closeFd(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Is an open directory on a bpffs? */
export function isBpffs(fd: number, path: string): boolean {
  const type = fileSystemType(fd)
  if (type < 0) throw systemError(type, 'fstatfs', { doing: `opening '${path}'`, path })
  return type === BPF_FS_MAGIC
}

/** The deepest first, as far as they are empty. */
function removeAll(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      removeEmpty(path)
    } catch {
      // somebody else has that path by now, and what is there
    }
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash > 0 ? path.slice(0, slash) : slash === 0 ? '/' : '.'
}

/** Makes a directory inside another; `false` where it was there. */
function makeIn(parent: number, name: string, path: string, mode: number): boolean {
  const made = makeDirectory(name, mode, parent)
  if (made < 0 && made !== EEXIST) {
    throw systemError(made, 'mkdirat', { doing: `making directory '${path}'`, path })
  }
  return made >= 0
}

/** Opens a directory inside another, which is closed. */
function enter(parent: number, name: string, path: string): number {
  const fd = openFile(name, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd < 0) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path })
  closeFd(parent)
  return fd
}

/** @param existing the directory that is there, of what was asked for */
export function notBpffs(path: string, existing: string): BpfError {
  const where = existing === path ? `'${path}'` : `'${existing}', where '${path}' would be,`
  return new BpfError(`${where} is not on a bpffs`, {
    code: 'ERR_NO_BPFFS',
    path,
    hint: `mount one (mount -t bpf bpf ${defaultRoot}), or give a directory on one that is mounted`,
  })
}
