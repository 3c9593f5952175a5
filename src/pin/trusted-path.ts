import { BpfError } from '../errors.ts'
import { directories, isOutside, type Place } from '../plan/layout.ts'
import {
  BPF_FS_MAGIC,
  closedAfter,
  closeFd,
  ELOOP,
  ENOSYS,
  ENOTDIR,
  EPERM,
  type FileStatus,
  fileStatus,
  fileSystemType,
  objGet,
  openFile,
  openFlag,
  openWithoutLinks,
  readLink,
  removeDirectory,
  unlinkFile,
} from '../syscall/index.ts'
import { foreign, isShared, isTrusted, mustBeKept, type Owner } from './ownership.ts'

// Anybody may make a symbolic link in a directory that everybody may write to, as bpffs makes its own root, and lead who follows
// it wherever he likes. The kernel refuses that only if it is told to (fs.protected_symlinks). So a path is gone along name by
// name where it has links, and none is followed that another user made.

const directoryOnly = openFlag.PATH | openFlag.DIRECTORY
/** As many as the kernel follows (include/linux/namei.h: MAXSYMLINKS). */
const linkLimit = 40
/** Links in /proc lead to what is open, whatever they read as (include/uapi/linux/magic.h). */
const PROC_SUPER_MAGIC = 0x9fa0
const S_IFMT = 0o170000
const S_IFDIR = 0o040000
const S_IFLNK = 0o120000

/**
 * Opens a directory by its absolute path (O_PATH), through no symbolic link but those of root and of this user; a negative
 * errno.
 *
 * @throws BpfError `ERR_FOREIGN` for a link of another user.
 */
export function openDirectory(path: string, owner?: Owner): number {
  const fd = openWithoutLinks(path, directoryOnly)
  if (fd !== ELOOP && fd !== ENOSYS && fd !== EPERM) return fd
  return walk(path, owner)
}

function walk(path: string, owner: Owner | undefined): number {
  const ahead = namesIn(path)
  let at = openFile('/', directoryOnly)
  for (let followed = 0; at >= 0; ) {
    const name = ahead.pop()
    if (name === undefined) return at
    const next = enter(at, name, path, owner)
    at = next.fd
    if (next.link === undefined) continue
    if (++followed > linkLimit) return afterClosing(at, ELOOP)
    ahead.push(...namesIn(next.link))
    if (next.link.startsWith('/')) at = afterClosing(at, openFile('/', directoryOnly))
  }
  return at
}

/** The last one first. */
function namesIn(path: string): string[] {
  return path.split('/').filter(Boolean).reverse()
}

interface Entered {
  /** The directory of that name; where that is a symbolic link, the one that it is in. */
  readonly fd: number
  readonly link?: string
}

/** Goes from a directory, which is closed, to one in it. */
function enter(directory: number, name: string, path: string, owner: Owner | undefined): Entered {
  const file = openFile(name, openFlag.PATH | openFlag.NOFOLLOW, directory)
  const status = file < 0 ? file : fileStatus(file)
  if (typeof status === 'object' && isLink(status)) {
    if (fileSystemType(file) !== PROC_SUPER_MAGIC)
      return follow(directory, file, status, { name, path, owner })
    closeFd(file)
    return { fd: afterClosing(directory, openFile(name, directoryOnly, directory)) }
  }
  closeFd(directory)
  if (typeof status === 'object' && (status.mode & S_IFMT) === S_IFDIR) return { fd: file }
  if (file >= 0) closeFd(file)
  return { fd: typeof status === 'number' ? status : ENOTDIR }
}

/** @param file the link itself, open, which is closed; its directory stays open */
function follow(
  directory: number,
  file: number,
  { uid }: FileStatus,
  { name, path, owner }: { readonly name: string; readonly path: string; readonly owner: Owner | undefined },
): Entered {
  try {
    if (!isTrusted(uid, owner)) throw foreign(path, uid, `leads through '${name}', a symbolic link of`)
    const link = readLink('', file)
    return typeof link === 'string' ? { fd: directory, link } : { fd: afterClosing(directory, link) }
  } catch (error) {
    closeFd(directory)
    throw error
  } finally {
    closeFd(file)
  }
}

function isLink({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFLNK
}

function afterClosing(fd: number, result: number): number {
  closeFd(fd)
  return result
}

/** A file by the directory that it is in, open. */
interface Parted {
  readonly parent: number
  readonly file: string
}

/** Does something in the directory of an absolute path, which is opened as by {@link openDirectory}; or a negative errno. */
function inDirectoryOf(path: string, owner: Owner | undefined, act: (parted: Parted) => number): number {
  const slash = path.lastIndexOf('/')
  const parent = openDirectory(slash === 0 ? '/' : path.slice(0, slash), owner)
  if (parent < 0) return parent
  return closedAfter(parent, () => act({ parent, file: path.slice(slash + 1) }))
}

/**
 * Opens what is pinned at a place, in a generation's directory or outside; a negative errno.
 *
 * @throws BpfError as {@link getPin}, for places outside.
 */
export function getPlace(
  { kind, file }: Pick<Place, 'kind' | 'file'>,
  directory: number | undefined,
  flags = 0,
  owner?: Owner,
): number {
  return isOutside(file) ? getPin(file, flags, owner) : objGet(file, flags, directory, directories[kind])
}

/**
 * BPF_OBJ_GET of an absolute path on which, and at whose end, nothing is that another user could have put there.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function getPin(path: string, flags = 0, owner?: Owner): number {
  if (owner === 'any') return objGet(path, flags)
  return inDirectoryOf(path, owner, ({ parent, file }) => {
    const directory = fileStatus(parent)
    if (typeof directory === 'number') return directory
    mustBeKept(directory, path.slice(0, -file.length - 1), owner)
    // who alone may write to a directory made all that is in it
    if (!isShared(directory)) return objGet(file, flags, parent)
    return getOwn({ parent, file }, path, flags, owner)
  })
}

/** The pin itself is held before it is looked at: it cannot be another when it is opened. */
function getOwn({ parent, file }: Parted, path: string, flags: number, owner: Owner | undefined): number {
  const pin = openFile(file, openFlag.PATH | openFlag.NOFOLLOW, parent)
  if (pin < 0) return pin
  try {
    const status = fileStatus(pin)
    if (typeof status === 'number') return status
    const { uid } = status
    if (!isTrusted(uid, owner))
      throw foreign(path, uid, isLink(status) ? 'is a symbolic link of' : 'belongs to')
    // whoever may write to the directory can give a pin of ours a name there (fs.protected_hardlinks may be off)
    if (!isLink(status) && status.links > 1) throw linkedTwice(path)
    // the link stays where it is: the directory is sticky
    return isLink(status) ? objGet(file, flags, parent) : objGet(`/proc/self/fd/${pin}`, flags)
  } finally {
    closeFd(pin)
  }
}

function linkedTwice(path: string): BpfError {
  return new BpfError(`${path} is a hard link to a pin that has another name, in a directory of all users`, {
    code: 'ERR_FOREIGN',
    path,
    hint: 'remove it, and pin there what is to be there; another user may have made it, to lead programs to that pin',
  })
}

/** Removes what is pinned at an absolute path, or a negative errno. */
export function removePin(path: string): number {
  return inDirectoryOf(path, undefined, ({ parent, file }) => unlinkFile(file, parent))
}

/** Removes a directory by its absolute path if it is empty and on a bpffs: that may be another's word. A negative errno. */
export function removeEmpty(path: string): number {
  return inDirectoryOf(path, undefined, ({ parent, file }) => {
    const type = fileSystemType(parent)
    return type === BPF_FS_MAGIC ? removeDirectory(file, parent) : Math.min(type, 0)
  })
}
