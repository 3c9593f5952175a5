import { BpfError } from '../errors.ts'
import {
  BPF_FS_MAGIC,
  closeFd,
  fileSystemType,
  makeDirectory,
  openFile,
  openFlag,
  systemError,
} from '../syscall/index.ts'

/** Where bpffs is mounted on nearly every system. */
export const defaultRoot = '/sys/fs/bpf'

const ENOENT = -2
const EEXIST = -17

/**
 * A directory on bpffs, open, below which objects are pinned. Everything is done from its descriptor, so that nobody can
 * put another directory in its place meanwhile.
 */
export class Root {
  readonly path: string
  readonly fd: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.fd = fd
  }

  /**
   * Opens a root. One that is not there is made, its parents too, once the first directory that is there is known to be
   * on bpffs.
   *
   * @throws BpfError `ERR_NO_BPFFS` for a directory of another file system.
   */
  static open(path: string, mode: number): Root {
    const missing: string[] = []
    for (let at = path; ; at = parentOf(at)) {
      const fd = openFile(at, openFlag.PATH | openFlag.DIRECTORY)
      if (fd >= 0) return Root.#enter(path, at, fd, missing, mode)
      if (fd !== ENOENT) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path: at })
      missing.unshift(at.slice(at.lastIndexOf('/') + 1))
    }
  }

  /** Opens a root; `undefined` where there is no such directory, or none on bpffs: nothing can be pinned there. */
  static find(path: string): Root | undefined {
    const fd = openFile(path, openFlag.PATH | openFlag.DIRECTORY)
    if (fd === ENOENT) return undefined
    if (fd < 0) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path })
    if (fileSystemType(fd) === BPF_FS_MAGIC) return new Root(path, fd)
    closeFd(fd)
    return undefined
  }

  static #enter(path: string, existing: string, fd: number, missing: readonly string[], mode: number): Root {
    let directory = fd
    try {
      if (fileSystemType(fd) !== BPF_FS_MAGIC) throw notBpffs(path, existing)
      for (const name of missing) directory = enter(directory, name, path, mode)
    } catch (error) {
      closeFd(directory)
      throw error
    }
    return new Root(path, directory)
  }

  close(): void {
    closeFd(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash > 0 ? path.slice(0, slash) : slash === 0 ? '/' : '.'
}

/** Makes a directory inside another and opens it instead. */
function enter(parent: number, name: string, path: string, mode: number): number {
  const made = makeDirectory(name, mode, parent)
  if (made < 0 && made !== EEXIST)
    throw systemError(made, 'mkdirat', { doing: `making directory '${path}'`, path })
  const fd = openFile(name, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd < 0) throw systemError(fd, 'openat', { doing: `opening '${path}'`, path })
  closeFd(parent)
  return fd
}

function notBpffs(path: string, existing: string): BpfError {
  const where = existing === path ? `'${path}'` : `'${existing}', where '${path}' would be,`
  return new BpfError(`${where} is not on a bpffs`, {
    code: 'ERR_NO_BPFFS',
    path,
    hint: `mount one: mount -t bpf bpf ${existing === path ? path : defaultRoot}`,
  })
}
