import { BpfError } from '../errors.ts'
import { closedAfter, openFile, openFlag, openProcess, systemError } from '../syscall/index.ts'

/** Is it an owner that has to be opened first? */
export function mustBeOpened(owner: unknown): owner is { readonly pid: number } | { readonly path: string } {
  return typeof owner === 'object' && owner !== null && ('pid' in owner || 'path' in owner)
}

/**
 * Does something with a descriptor of a process, file or cgroup, which is open for so long.
 *
 * @throws BpfError ESRCH, ENOENT, ...; EINVAL for a thread that is not the first of its process.
 */
export function withOwner<T>(
  owner: { readonly pid: number } | { readonly path: string },
  use: (fd: number) => T,
): T {
  const fd = 'pid' in owner ? openPid(owner.pid) : openPath(owner.path)
  return closedAfter(fd, () => use(fd))
}

function openPid(pid: number): number {
  if (!Number.isInteger(pid) || pid <= 0 || pid > 0x7fffffff) {
    throw new BpfError(`${String(pid)} is not the number of a process`, { code: 'ERR_VALUE' })
  }
  const fd = openProcess(pid)
  if (fd < 0) throw systemError(fd, 'pidfd_open', { doing: `opening process ${pid}`, since: '5.3' })
  return fd
}

/** Without being able to read it: storage takes any descriptor (kernel/bpf/bpf_inode_storage.c: fdget_raw). */
function openPath(path: string): number {
  if (typeof path !== 'string') throw new BpfError(`${String(path)} is not a path`, { code: 'ERR_VALUE' })
  const fd = openFile(path, openFlag.PATH)
  if (fd < 0) throw systemError(fd, 'openat', { doing: 'opening what storage belongs to', path })
  return fd
}
