import { BpfError } from '../errors.ts'

/**
 * System call numbers: x64 from arch/x86/entry/syscalls/syscall_64.tbl, arm64 from the generic table
 * (include/uapi/asm-generic/unistd.h).
 */
const table = {
  close: { x64: 3, arm64: 57 },
  mmap: { x64: 9, arm64: 222 },
  munmap: { x64: 11, arm64: 215 },
  ioctl: { x64: 16, arm64: 29 },
  fcntl: { x64: 72, arm64: 25 },
  socket: { x64: 41, arm64: 198 },
  flock: { x64: 73, arm64: 32 },
  statfs: { x64: 137, arm64: 43 },
  fstatfs: { x64: 138, arm64: 44 },
  sched_setaffinity: { x64: 203, arm64: 122 },
  sched_getaffinity: { x64: 204, arm64: 123 },
  getdents64: { x64: 217, arm64: 61 },
  openat: { x64: 257, arm64: 56 },
  mkdirat: { x64: 258, arm64: 34 },
  fchownat: { x64: 260, arm64: 54 },
  unlinkat: { x64: 263, arm64: 35 },
  readlinkat: { x64: 267, arm64: 78 },
  fchmodat: { x64: 268, arm64: 53 },
  io_setup: { x64: 206, arm64: 0 },
  io_destroy: { x64: 207, arm64: 1 },
  io_getevents: { x64: 208, arm64: 4 },
  io_submit: { x64: 209, arm64: 2 },
  eventfd2: { x64: 290, arm64: 19 },
  dup3: { x64: 292, arm64: 24 },
  pipe2: { x64: 293, arm64: 59 },
  epoll_pwait: { x64: 281, arm64: 22 },
  epoll_create1: { x64: 291, arm64: 20 },
  epoll_ctl: { x64: 233, arm64: 21 },
  perf_event_open: { x64: 298, arm64: 241 },
  prlimit64: { x64: 302, arm64: 261 },
  renameat2: { x64: 316, arm64: 276 },
  bpf: { x64: 321, arm64: 280 },
  membarrier: { x64: 324, arm64: 283 },
  statx: { x64: 332, arm64: 291 },
  fsopen: { x64: 430, arm64: 430 },
  fsconfig: { x64: 431, arm64: 431 },
  fsmount: { x64: 432, arm64: 432 },
  pidfd_open: { x64: 434, arm64: 434 },
  close_range: { x64: 436, arm64: 436 },
  openat2: { x64: 437, arm64: 437 },
} as const

export type SyscallName = keyof typeof table
export type SyscallNumbers = Readonly<Record<SyscallName, number>>

/** @throws BpfError `ERR_NATIVE` for any other architecture. */
export function numbersFor(architecture: string): SyscallNumbers {
  if (architecture !== 'x64' && architecture !== 'arm64') {
    throw new BpfError(`system call numbers are known for x64 and arm64, not for ${architecture}`, {
      code: 'ERR_NATIVE',
    })
  }
  const entries = Object.entries(table).map(([name, numbers]) => [name, numbers[architecture]])
  // the table has every SyscallName for its keys
  return Object.fromEntries(entries) as SyscallNumbers
}
