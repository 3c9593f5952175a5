import { BpfError } from '../errors.ts'

/**
 * System call numbers, of x64 from arch/x86/entry/syscalls/syscall_64.tbl and of arm64 from the generic table
 * (include/uapi/asm-generic/unistd.h).
 */
const table = {
  close: [3, 57],
  mmap: [9, 222],
  munmap: [11, 215],
  ioctl: [16, 29],
  fcntl: [72, 25],
  socket: [41, 198],
  flock: [73, 32],
  statfs: [137, 43],
  fstatfs: [138, 44],
  sched_setaffinity: [203, 122],
  sched_getaffinity: [204, 123],
  getdents64: [217, 61],
  openat: [257, 56],
  mkdirat: [258, 34],
  fchownat: [260, 54],
  unlinkat: [263, 35],
  readlinkat: [267, 78],
  fchmodat: [268, 53],
  io_setup: [206, 0],
  io_destroy: [207, 1],
  io_getevents: [208, 4],
  io_submit: [209, 2],
  eventfd2: [290, 19],
  dup3: [292, 24],
  pipe2: [293, 59],
  epoll_pwait: [281, 22],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  perf_event_open: [298, 241],
  prlimit64: [302, 261],
  renameat2: [316, 276],
  bpf: [321, 280],
  membarrier: [324, 283],
  statx: [332, 291],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  pidfd_open: [434, 434],
  close_range: [436, 436],
  openat2: [437, 437],
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
  const column = architecture === 'x64' ? 0 : 1
  const entries = Object.entries(table).map(([name, numbers]) => [name, numbers[column]])
  // the table has every SyscallName for its keys
  return Object.fromEntries(entries) as SyscallNumbers
}
