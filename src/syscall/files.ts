import { address, at, clearAttr, get53, getFileName, listLength, put64, u8, u16, u32 } from './arena.ts'
import { call3, call6 } from './gate.ts'
import { AT_FDCWD, putPath, putSecondPath } from './path.ts'

// Calls on files and directories: those that node has not, or that must be seen by fault tests and take the
// descriptor of a directory. Paths are relative to `directory`, which is the working directory unless given.

/** include/uapi/asm-generic/fcntl.h; arm64 has its own DIRECTORY and NOFOLLOW. */
export const openFlag: Readonly<Record<'RDONLY' | 'NONBLOCK' | 'PATH' | 'DIRECTORY' | 'NOFOLLOW', number>> = {
  RDONLY: 0,
  NONBLOCK: 0o4000,
  PATH: 0o10000000,
  DIRECTORY: process.arch === 'arm64' ? 0o40000 : 0o200000,
  NOFOLLOW: process.arch === 'arm64' ? 0o100000 : 0o400000,
}
const O_CLOEXEC = 0o2000000

/** openat(2), always close-on-exec. */
export function openFile(path: string, flags: number, directory: number = AT_FDCWD): number {
  const pathname = putPath(path)
  if (pathname < 0) return pathname
  return call6('openat', directory, pathname, flags | O_CLOEXEC, 0, 0, 0)
}

/** Bytes of struct open_how as it first was (include/uapi/linux/openat2.h): flags, mode, resolve, 8 each. */
const openHowSize = 24

/**
 * openat2(2) of a path that has no symbolic link in any of its parts; -ELOOP where it has one. Linux 5.6: -ENOSYS before,
 * and -EPERM where a filter of a container does not know the call.
 */
export function openWithoutLinks(path: string, flags: number, directory: number = AT_FDCWD): number {
  const RESOLVE_NO_SYMLINKS = 4
  const pathname = putPath(path)
  if (pathname < 0) return pathname
  clearAttr(openHowSize)
  put64(at.attr, flags | O_CLOEXEC)
  put64(at.attr + 16, RESOLVE_NO_SYMLINKS)
  return call6('openat2', directory, pathname, address(at.attr), openHowSize, 0, 0)
}

/** Closes a descriptor. An error is no reason to call again: it is closed. */
export function closeFd(fd: number): number {
  return call3('close', fd, 0, 0)
}

/** Does something with a descriptor that is not needed after it. */
export function closedAfter<T>(fd: number, use: () => T): T {
  try {
    return use()
  } finally {
    closeFd(fd)
  }
}

/** Does something with a descriptor that nobody has if that fails. */
export function closedOnThrow<T>(fd: number, use: () => T): T {
  try {
    return use()
  } catch (error) {
    closeFd(fd)
    throw error
  }
}

/** Closes every descriptor from `first` to `last`. Linux 5.9. */
export function closeRange(first: number, last: number): number {
  return call3('close_range', first, last, 0)
}

/**
 * Makes room for `count` descriptors more at once. In a process of many threads, which every node process is, the kernel
 * waits for all CPUs each time that it doubles the table (fs/file.c: expand_fdtable): opening 4,096 maps one by one
 * takes 8 such waits. Fails with -EINVAL where so many may not be open.
 */
export function reserveDescriptors(count: number): number {
  const F_DUPFD_CLOEXEC = 1030
  const lowest = openFile('/', openFlag.PATH)
  if (lowest < 0) return lowest
  const highest = call3('fcntl', lowest, F_DUPFD_CLOEXEC, lowest + count)
  closeFd(lowest)
  return highest < 0 ? highest : closeFd(highest)
}

/** Another descriptor of the same open file. */
export function duplicateFd(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030
  return call3('fcntl', fd, F_DUPFD_CLOEXEC, 0)
}

/** `mode` less the umask. */
export function makeDirectory(path: string, mode = 0o700, directory: number = AT_FDCWD): number {
  const pathname = putPath(path)
  return pathname < 0 ? pathname : call3('mkdirat', directory, pathname, mode)
}

export function unlinkFile(path: string, directory: number = AT_FDCWD): number {
  const pathname = putPath(path)
  return pathname < 0 ? pathname : call3('unlinkat', directory, pathname, 0)
}

/** Removes an empty directory. */
export function removeDirectory(path: string, directory: number = AT_FDCWD): number {
  const AT_REMOVEDIR = 0x200
  const pathname = putPath(path)
  return pathname < 0 ? pathname : call3('unlinkat', directory, pathname, AT_REMOVEDIR)
}

/** What a rename may do to what has the new name: replace it (0), refuse, or change places with it. */
export const renameFlag = { NOREPLACE: 1, EXCHANGE: 2 } as const

/** renameat2(2): atomic, both names in `directory`. */
export function renameFile(from: string, to: string, flags = 0, directory: number = AT_FDCWD): number {
  const oldPath = putPath(from)
  const newPath = putSecondPath(to)
  if (oldPath < 0) return oldPath
  return newPath < 0 ? newPath : call6('renameat2', directory, oldPath, directory, newPath, flags, 0)
}

export function changeMode(path: string, mode: number, directory: number = AT_FDCWD): number {
  const pathname = putPath(path)
  return pathname < 0 ? pathname : call3('fchmodat', directory, pathname, mode)
}

export function changeOwner(path: string, uid: number, gid: number, directory: number = AT_FDCWD): number {
  const pathname = putPath(path)
  return pathname < 0 ? pathname : call6('fchownat', directory, pathname, uid, gid, 0, 0)
}

export const lockFlag = { SHARED: 1, EXCLUSIVE: 2, NONBLOCK: 4, UNLOCK: 8 } as const

/** flock(2); -EAGAIN with NONBLOCK where another open file holds it. */
export function lockFile(fd: number, operation: number): number {
  return call3('flock', fd, operation, 0)
}

/** The kind of file system (statfs(2) f_type) that a path or an open file is on, or a negative errno. */
export function fileSystemType(file: string | number): number {
  const pathname = typeof file === 'string' ? putPath(file) : file
  if (typeof file === 'string' && pathname < 0) return pathname
  const result = call3(typeof file === 'string' ? 'statfs' : 'fstatfs', pathname, address(at.result), 0)
  return result < 0 ? result : u32[at.result >> 2]!
}

/** f_type of bpffs (include/uapi/linux/magic.h). */
export const BPF_FS_MAGIC = 0xcafe4a11

export interface FileStatus {
  /** S_IFMT and permissions. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: number
  /** Major and minor number in one. */
  readonly device: number
  readonly links: number
}

/** Of an open file, or of a path, the last part of which is not followed; a negative errno. */
export function fileStatus(file: string | number, directory: number = AT_FDCWD): FileStatus | number {
  const AT_SYMLINK_NOFOLLOW = 0x100
  const AT_EMPTY_PATH = 0x1000
  const STATX_BASIC_STATS = 0x7ff
  const isOpen = typeof file === 'number'
  const pathname = putPath(isOpen ? '' : file)
  if (pathname < 0) return pathname
  const flags = isOpen ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  const result = call6(
    'statx',
    isOpen ? file : directory,
    pathname,
    flags,
    STATX_BASIC_STATS,
    address(at.result),
    0,
  )
  return result < 0 ? result : statusFromStatx()
}

/** struct statx has one layout on every architecture, which struct stat has not (include/uapi/linux/stat.h). */
function statusFromStatx(): FileStatus {
  return {
    links: u32[(at.result + 16) >> 2]!,
    uid: u32[(at.result + 20) >> 2]!,
    gid: u32[(at.result + 24) >> 2]!,
    mode: u16[(at.result + 28) >> 1]!,
    inode: get53(at.result + 32),
    device: u32[(at.result + 136) >> 2]! * 0x10_0000 + u32[(at.result + 140) >> 2]!,
  }
}

/** Where a symbolic link points, or a negative errno; of one that is open itself with an empty path. */
export function readLink(path: string, directory: number = AT_FDCWD): string | number {
  const pathname = putPath(path)
  if (pathname < 0) return pathname
  const length = call6('readlinkat', directory, pathname, address(at.list), listLength, 0, 0)
  return length < 0 ? length : getFileName(at.list, length)
}

export interface DirectoryEntry {
  readonly name: string
  readonly kind: 'directory' | 'file' | 'link' | 'other'
}

const entryKinds: Record<number, DirectoryEntry['kind']> = { 4: 'directory', 8: 'file', 10: 'link' }

/**
 * What is in an open directory, without `.` and `..`, from where the descriptor stands on; a negative errno. Pins are
 * files.
 */
export function readDirectory(fd: number): DirectoryEntry[] | number {
  const entries: DirectoryEntry[] = []
  for (;;) {
    const filled = call3('getdents64', fd, address(at.list), listLength)
    if (filled < 0) return filled
    if (filled === 0) return entries
    // struct linux_dirent64: d_ino u64, d_off s64, d_reclen u16, d_type u8, d_name
    for (let at64 = at.list; at64 < at.list + filled; at64 += u16[(at64 + 16) >> 1]!) {
      const name = getFileName(at64 + 19, u16[(at64 + 16) >> 1]! - 19)
      if (name !== '.' && name !== '..') entries.push({ name, kind: entryKinds[u8[at64 + 18]!] ?? 'other' })
    }
  }
}
