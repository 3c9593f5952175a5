import {
  closeFd,
  type DirectoryEntry,
  ENOENT,
  openFile,
  openFlag,
  readDirectory,
  systemError,
} from '../syscall/index.ts'

/** What is in a directory, `'.'` for the one that is open; nothing where there is none of that name. */
export function entriesOf(
  parent: number,
  name: string,
  about: { readonly doing: string; readonly path: string },
): DirectoryEntry[] {
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd === ENOENT) return []
  if (fd < 0) throw systemError(fd, 'openat', about)
  const entries = readDirectory(fd)
  closeFd(fd)
  if (typeof entries === 'number') throw systemError(entries, 'getdents64', about)
  return entries
}
