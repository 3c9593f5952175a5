// Which errors each system call of this library can give: what a fault test makes it give.
//
// Left out are answers, which say what is where and are none of them faults: ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR, ESRCH,
// ENODEV, and ENOLINK of a link. To make one up would be to lie about the file system; tests make what they tell of really be so
// (occupied, intruder, outside, dead-links). EFAULT, EBADF and EOVERFLOW would be bugs of ours. EDQUOT and EFBIG no call gives
// here: bpffs has no quota and no blocks. It does say ENOSPC, when there is no memory for an inode.

/** Linux's numbers (include/uapi/asm-generic/errno-base.h, errno.h; 524: include/linux/errno.h). */
export type ErrnoName =
  | 'EPERM'
  | 'EINTR'
  | 'EIO'
  | 'E2BIG'
  | 'EAGAIN'
  | 'ENOMEM'
  | 'EACCES'
  | 'EBUSY'
  | 'EINVAL'
  | 'ENFILE'
  | 'EMFILE'
  | 'ENOTTY'
  | 'ENOSPC'
  | 'EROFS'
  | 'EMLINK'
  | 'ENOLCK'
  | 'ENOSYS'
  | 'ELOOP'
  | 'EOPNOTSUPP'
  | 'ENOTSUPP'

export const numbers: Readonly<Record<ErrnoName, number>> = {
  ...{ EPERM: 1, EINTR: 4, EIO: 5, E2BIG: 7, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16, EINVAL: 22 },
  ...{ ENFILE: 23, EMFILE: 24, ENOTTY: 25, ENOSPC: 28, EROFS: 30, EMLINK: 31, ENOLCK: 37, ENOSYS: 38 },
  ...{ ELOOP: 40, EOPNOTSUPP: 95, ENOTSUPP: 524 },
}

/** What every call gives where a seccomp filter or a security module forbids it (seccomp(2), security/security.c). */
const forbidden = ['EPERM', 'EACCES'] as const
/** Of calls that return a descriptor (fs/file.c: alloc_fd, fs/file_table.c: alloc_empty_file). */
const noDescriptor = ['EMFILE', 'ENFILE'] as const
/** Of a path (path_resolution(7)): where it may not go, no memory for its name, too many links. */
const pathTrouble = ['EACCES', 'EPERM', 'ENOMEM', 'ELOOP'] as const
/** Of what changes a directory: mount(2) with MS_RDONLY; kernel/bpf/inode.c: bpf_get_inode says ENOSPC where memory is short. */
const change = [...pathTrouble, 'EROFS'] as const

const table: Readonly<Record<string, readonly ErrnoName[]>> = {
  // kernel/bpf/syscall.c: map_create; a token or capability, limits, sizes that a kernel does not take
  'bpf(BPF_MAP_CREATE)': [...forbidden, 'ENOMEM', 'E2BIG', 'EINVAL', 'EOPNOTSUPP', ...noDescriptor],
  // bpf_prog_load; kernel/bpf/verifier.c: EAGAIN where a signal is pending, ENOTSUPP where the JIT does not take it
  'bpf(BPF_PROG_LOAD)': [...forbidden, 'ENOMEM', 'E2BIG', 'EINVAL', 'EAGAIN', 'ENOTSUPP', ...noDescriptor],
  // kernel/bpf/btf.c: btf_new_fd, btf_parse
  'bpf(BPF_BTF_LOAD)': [...forbidden, 'ENOMEM', 'E2BIG', 'EINVAL', ...noDescriptor],
  // kernel/bpf/inode.c: bpf_obj_do_pin, bpf_mkobj_ops
  'bpf(BPF_OBJ_PIN)': [...change, 'ENOSPC', 'EINVAL'],
  // bpf_obj_get_user; EPERM is a dot in the name or no permission
  'bpf(BPF_OBJ_GET)': [...pathTrouble, 'EINVAL', ...noDescriptor],
  // kernel/bpf/syscall.c: map_freeze; a map that is mapped for writing is busy
  'bpf(BPF_MAP_FREEZE)': [...forbidden, 'EBUSY', 'ENOTSUPP'],
  // map_lookup_elem, map_update_elem, map_delete_elem, map_get_next_key; hashtab.c: E2BIG full, EBUSY of a bucket's lock
  'bpf(BPF_MAP_LOOKUP_ELEM)': [...forbidden, 'ENOMEM', 'EOPNOTSUPP'],
  'bpf(BPF_MAP_UPDATE_ELEM)': [...forbidden, 'ENOMEM', 'E2BIG', 'EBUSY', 'EINVAL'],
  'bpf(BPF_MAP_DELETE_ELEM)': [...forbidden, 'ENOMEM', 'EBUSY', 'EINVAL'],
  'bpf(BPF_MAP_GET_NEXT_KEY)': [...forbidden, 'ENOMEM'],
  'bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM)': [...forbidden, 'ENOMEM', 'EBUSY', 'ENOTSUPP'],
  // generic_map_lookup_batch: EINTR where entries vanish under it; hashtab.c: ENOSPC for a bucket that is larger
  'bpf(BPF_MAP_LOOKUP_BATCH)': [...forbidden, 'ENOMEM', 'ENOTSUPP', 'EINTR', 'ENOSPC'],
  'bpf(BPF_MAP_LOOKUP_AND_DELETE_BATCH)': [...forbidden, 'ENOMEM', 'ENOTSUPP', 'ENOSPC'],
  'bpf(BPF_MAP_UPDATE_BATCH)': [...forbidden, 'ENOMEM', 'ENOTSUPP', 'E2BIG', 'EBUSY'],
  'bpf(BPF_MAP_DELETE_BATCH)': [...forbidden, 'ENOMEM', 'ENOTSUPP', 'EBUSY'],
  // bpf_prog_test_run; net/bpf/test_run.c: EINTR where a signal is pending
  'bpf(BPF_PROG_TEST_RUN)': [...forbidden, 'ENOMEM', 'EINVAL', 'EINTR', 'ENOTSUPP'],
  // bpf_obj_get_info_by_fd: E2BIG where the kernel knows less than was asked
  'bpf(BPF_OBJ_GET_INFO_BY_FD)': [...forbidden, 'ENOMEM', 'E2BIG', 'EINVAL'],
  'bpf(BPF_MAP_GET_FD_BY_ID)': [...forbidden, 'ENOMEM', 'EAGAIN', ...noDescriptor],
  'bpf(BPF_PROG_GET_FD_BY_ID)': [...forbidden, 'ENOMEM', ...noDescriptor],
  'bpf(BPF_BTF_GET_FD_BY_ID)': [...forbidden, 'ENOMEM', ...noDescriptor],
  // bpf_link_by_id: EAGAIN while it is being made
  'bpf(BPF_LINK_GET_FD_BY_ID)': [...forbidden, 'ENOMEM', 'EAGAIN', ...noDescriptor],
  'bpf(BPF_MAP_GET_NEXT_ID)': [...forbidden],
  'bpf(BPF_PROG_GET_NEXT_ID)': [...forbidden],
  'bpf(BPF_LINK_GET_NEXT_ID)': [...forbidden],
  'bpf(BPF_BTF_GET_NEXT_ID)': [...forbidden],
  // link_create and the families: EBUSY a hook that is taken, E2BIG too many programs at one (cgroup.c, mprog.c)
  'bpf(BPF_LINK_CREATE)': [...forbidden, 'ENOMEM', 'EINVAL', 'EBUSY', 'E2BIG', 'EOPNOTSUPP', ...noDescriptor],
  'bpf(BPF_LINK_UPDATE)': [...forbidden, 'ENOMEM', 'EINVAL', 'EBUSY'],
  'bpf(BPF_LINK_DETACH)': [...forbidden, 'ENOMEM', 'EOPNOTSUPP'],
  'bpf(BPF_RAW_TRACEPOINT_OPEN)': [...forbidden, 'ENOMEM', 'EINVAL', ...noDescriptor],
  'bpf(BPF_ITER_CREATE)': [...forbidden, 'ENOMEM', ...noDescriptor],
  'bpf(BPF_PROG_BIND_MAP)': [...forbidden, 'ENOMEM', 'EINVAL'],
  'bpf(BPF_TOKEN_CREATE)': [...forbidden, 'EOPNOTSUPP', 'ENOMEM', ...noDescriptor],
  // open(2), and the others' own pages
  openat: [...pathTrouble, ...noDescriptor],
  // of a path with links: ELOOP, ENOSYS before Linux 5.6, EPERM of filters that do not know it; the path is gone along then
  openat2: [...pathTrouble, ...noDescriptor, 'ENOSYS'],
  mkdirat: [...change, 'ENOSPC', 'EMLINK'],
  unlinkat: [...change, 'EBUSY'],
  // EBUSY for a mount point; EINVAL where the file system takes no such flag
  renameat2: [...change, 'EBUSY', 'EINVAL', 'ENOSPC'],
  fchmodat: change,
  fchownat: change,
  readlinkat: ['EACCES', 'ENOMEM', 'EIO'],
  statx: ['EACCES', 'ENOMEM', 'ENOSYS'],
  statfs: ['EACCES', 'ENOMEM', 'EINTR', 'EIO'],
  fstatfs: ['ENOMEM', 'EINTR', 'EIO', 'ENOSYS'],
  // without waiting: EAGAIN where another has it, which is waited for
  flock: ['ENOLCK', 'EAGAIN', 'EINTR'],
  getdents64: ['EACCES', 'ENOMEM', 'EIO'],
  mmap: ['EACCES', 'EPERM', 'EAGAIN', 'ENOMEM', 'ENFILE'],
  munmap: ['EINVAL', 'ENOMEM'],
  // the descriptor is gone all the same
  close: ['EINTR', 'EIO'],
  fcntl: ['EMFILE', 'EINVAL'],
  socket: ['EACCES', 'EMFILE', 'ENFILE', 'ENOMEM'],
  ioctl: ['EPERM', 'EINVAL', 'ENOTTY'],
  membarrier: ['EPERM', 'EINVAL', 'ENOSYS'],
  perf_event_open: [
    'EACCES',
    'EPERM',
    'EMFILE',
    'ENFILE',
    'ENOMEM',
    'ENOSPC',
    'EBUSY',
    'EINVAL',
    'EOPNOTSUPP',
  ],
  epoll_create1: ['EMFILE', 'ENFILE', 'ENOMEM'],
  epoll_ctl: ['ENOMEM', 'ENOSPC', 'EPERM'],
  epoll_pwait: ['EINTR'],
  eventfd2: ['EMFILE', 'ENFILE', 'ENOMEM'],
  pipe2: ['EMFILE', 'ENFILE'],
  dup3: ['EBUSY', 'EINTR'],
  // EAGAIN: more than /proc/sys/fs/aio-max-nr in all; what is submitted waits for room in the context (fs/aio.c)
  io_setup: ['EAGAIN', 'ENOMEM', 'ENOSYS'],
  io_submit: ['EAGAIN', 'ENOMEM'],
  io_getevents: ['EINTR'],
  io_destroy: ['EINVAL'],
  sched_getaffinity: ['EINVAL', 'EPERM'],
  sched_setaffinity: ['EINVAL', 'EPERM'],
  prlimit64: ['EPERM'],
}

/** What a call can give; one that the table has not ends the test that meets it. */
export function errnosOf(call: string): readonly ErrnoName[] {
  const names = table[call]
  if (!names) throw new Error(`test/errnos.ts does not say what ${call} can give`)
  return names
}
