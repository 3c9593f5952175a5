import { release } from 'node:os'
import { dirname, join } from 'node:path'
import type { About } from './error.ts'
import { BPF_FS_MAGIC, type FileStatus, fileStatus, fileSystemType } from './files.ts'
import {
  type CapabilityName,
  effectiveCapabilities,
  hasSeccompFilter,
  isInUserNamespace,
  limitOf,
  lockdownMode,
  mountsOf,
  textOf,
} from './surroundings.ts'

/** A failed call, as the rules below see it. */
interface Failure extends About {
  readonly code: string
  readonly syscall: string
}

/** What to try after a failure, found by looking for its reason; undefined where nothing was found. */
export function diagnose(code: string, syscall: string, about: About): string | undefined {
  const failure = { ...about, code, syscall }
  for (const rule of rules) {
    const hint = rule(failure)
    if (hint !== undefined) return hint
  }
  return undefined
}

/** The first that has something to say is believed: the sure ones are above. */
const rules: readonly ((failure: Failure) => string | undefined)[] = [
  noBpf,
  tooManyFiles,
  olderKernel,
  notOnBpffs,
  dotInName,
  missingParent,
  notAPin,
  userNamespace,
  noCapability,
  memoryLimit,
  lockdown,
  readOnlyFileSystem,
  notOurs,
  seccomp,
  generally,
]

function noBpf({ code, syscall }: Failure): string | undefined {
  if (code === 'ENOSYS') return `this kernel was built without ${syscall.replace(/\(.*/, '(2)')}`
  return undefined
}

function tooManyFiles({ code }: Failure): string | undefined {
  if (code === 'ENFILE') return 'the whole system has too many files open: see /proc/sys/fs/file-max'
  if (code !== 'EMFILE') return undefined
  const { soft, hard } = limitOf('openFiles')
  const most = soft === hard ? `${soft}` : `${soft} (hard limit ${hard})`
  return `this process may have ${most} files open; raise the limit (ulimit -n, LimitNOFILE= of a systemd service)`
}

/** Since which kernel bpf(2) has a command. What is not here is older than 4.19. */
const commandSince: Readonly<Record<string, string>> = {
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: '4.20',
  BPF_MAP_FREEZE: '5.2',
  BPF_BTF_GET_NEXT_ID: '5.4',
  BPF_MAP_LOOKUP_BATCH: '5.6',
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: '5.6',
  BPF_MAP_UPDATE_BATCH: '5.6',
  BPF_MAP_DELETE_BATCH: '5.6',
  BPF_LINK_CREATE: '5.7',
  BPF_LINK_UPDATE: '5.7',
  BPF_LINK_GET_FD_BY_ID: '5.8',
  BPF_LINK_GET_NEXT_ID: '5.8',
  BPF_ENABLE_STATS: '5.8',
  BPF_ITER_CREATE: '5.8',
  BPF_LINK_DETACH: '5.9',
  BPF_PROG_BIND_MAP: '5.10',
}

/** The kernel answers what it does not know with EINVAL, E2BIG (a field), or one of the "not supported". */
const unknownToKernel: ReadonlySet<string> = new Set(['EINVAL', 'E2BIG', 'EOPNOTSUPP', 'ENOTSUPP', 'ENOSYS'])

function olderKernel({ code, syscall, since }: Failure): string | undefined {
  const command = /^bpf\((\w+)\)$/.exec(syscall)?.[1] ?? ''
  const wanted = since ?? commandSince[command]
  if (wanted === undefined || !unknownToKernel.has(code) || !isBefore(release(), wanted)) return undefined
  return `this needs Linux ${wanted}, and this is ${release()}`
}

function isBefore(have: string, wanted: string): boolean {
  const [major = 0, minor = 0] = have.split('.', 2).map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.', 2).map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

/** Pinning outside bpffs is EPERM, opening there EACCES (kernel/bpf/inode.c). */
function notOnBpffs({ code, syscall, path }: Failure): string | undefined {
  // what exists already may be a symbolic link to anywhere
  if (path === undefined || code === 'EEXIST' || !/^bpf\(BPF_OBJ_/.test(syscall)) return undefined
  const existing = nearest(path)
  if (existing === undefined || fileSystemType(existing) === BPF_FS_MAGIC) return undefined
  const mounted = mountsOf('bpf').map(({ path }) => path)
  const advice =
    mounted.length > 0 ? `bpffs is at ${mounted.join(', ')}` : 'mount one: mount -t bpf bpf /sys/fs/bpf'
  return `'${existing}' is not on a bpffs; ${advice}`
}

/** kernel/bpf/inode.c: bpf_lookup refuses every name with a dot, whether it is there or not. */
function dotInName({ code, path }: Failure): string | undefined {
  if (code !== 'EPERM' || path === undefined) return undefined
  let mount = dirname(path)
  while (dirname(mount) !== mount && fileSystemType(mount) !== BPF_FS_MAGIC) mount = dirname(mount)
  if (fileSystemType(mount) !== BPF_FS_MAGIC) return undefined
  const names = path.slice(mount.length).split('/')
  const name = names.find(part => part.includes('.') && part !== '.' && part !== '..')
  return name === undefined ? undefined : `bpffs takes no name with a dot: '${name}'`
}

function missingParent({ code, path }: Failure): string | undefined {
  if (code !== 'ENOENT' || path === undefined) return undefined
  const existing = nearest(path)
  if (existing === undefined || existing === dirname(path) || existing === path) return undefined
  const missing = path.slice(existing.length).split('/').find(Boolean)
  return `there is no '${join(existing, missing ?? '')}'`
}

/** Opening a pin takes permission on its file and no capability (kernel/bpf/inode.c: bpf_obj_do_get). */
function notAPin({ code, syscall, path }: Failure): string | undefined {
  if (code !== 'EACCES' || syscall !== 'bpf(BPF_OBJ_GET)' || path === undefined) return undefined
  const file = fileStatus(path)
  if (typeof file === 'number') return undefined
  return (file.mode & S_IFMT) === S_IFDIR ? `'${path}' is a directory, not a pin` : ownerText(path, file)
}

const S_IFMT = 0o170000
const S_IFDIR = 0o040000

/** What calls take, if it is not said of the very one: all that BPF may take, or what the kernel asks for by its name. */
const usualCapabilities: Readonly<Record<string, readonly CapabilityName[]>> = {
  'bpf(BPF_PROG_LOAD)': ['BPF', 'PERFMON', 'NET_ADMIN'],
  'bpf(BPF_LINK_CREATE)': ['BPF', 'PERFMON', 'NET_ADMIN'],
  'bpf(BPF_MAP_CREATE)': ['BPF'],
  'bpf(BPF_BTF_LOAD)': ['BPF'],
  'bpf(BPF_ENABLE_STATS)': ['SYS_ADMIN'],
  perf_event_open: ['PERFMON'],
}

/** What works on what is open, or on files, takes none (kernel/bpf/syscall.c: __sys_bpf); before 5.19 it could be made to. */
function capabilitiesFor({ syscall, capabilities }: Failure): readonly CapabilityName[] {
  const others: readonly CapabilityName[] =
    syscall.startsWith('bpf(') && isBefore(release(), '5.19') ? ['BPF'] : []
  return capabilities ?? usualCapabilities[syscall] ?? others
}

function noCapability(failure: Failure): string | undefined {
  const { code, syscall } = failure
  if (code !== 'EPERM' && code !== 'EACCES') return undefined
  const has = effectiveCapabilities()
  if (has === undefined || has.has('SYS_ADMIN')) return undefined
  if (/_BY_ID|_NEXT_ID/.test(syscall)) return 'objects are found by id with CAP_SYS_ADMIN only: run as root'
  const needed = capabilitiesFor(failure).filter(name => !has.has(name))
  if (needed.length === 0) return undefined
  const who = process.geteuid?.() === 0 ? 'root has not here (a container?)' : 'this process has not'
  const names = needed.map(name => `CAP_${name}`).join(', ')
  return `BPF needs root, or capabilities that ${who}: ${names}${needed.includes('BPF') ? whyNobodyMay() : ''}`
}

/** Where it is 0, other users may load a few kinds of programs (Documentation/admin-guide/sysctl/kernel.rst). */
function whyNobodyMay(): string {
  const setting = textOf('/proc/sys/kernel/unprivileged_bpf_disabled').trim()
  return setting === '' || setting === '0' ? '' : ` (kernel.unprivileged_bpf_disabled is ${setting})`
}

/** What no token permits (kernel/bpf/syscall.c: capable, which asks for the first user namespace). */
const wholeSystem = /\((BPF_ENABLE_STATS|BPF_(MAP|PROG|LINK)_GET_(FD_BY|NEXT)_ID|BPF_BTF_GET_NEXT_ID)\)$/

function userNamespace({ code, syscall }: Failure): string | undefined {
  if (code !== 'EPERM' || !syscall.startsWith('bpf')) return undefined
  if (!isInUserNamespace()) return undefined
  if (wholeSystem.test(syscall)) return 'this takes CAP_SYS_ADMIN outside of all user namespaces'
  return (
    'in a user namespace BPF is for those only to whom a bpffs delegates it (Linux 6.9): ' +
    'name it in the option token, or in LIBBPF_BPF_TOKEN_PATH'
  )
}

/** Before 5.11 BPF memory counted against RLIMIT_MEMLOCK, 64 KiB by default. */
function memoryLimit({ code, syscall }: Failure): string | undefined {
  if (!['EPERM', 'ENOMEM'].includes(code) || !syscall.startsWith('bpf') || !isBefore(release(), '5.11'))
    return undefined
  const { soft } = limitOf('lockedMemory')
  return soft === 'unlimited'
    ? undefined
    : `this process may lock ${soft} bytes of memory: ulimit -l unlimited`
}

function lockdown({ code, syscall }: Failure): string | undefined {
  if (code !== 'EPERM' || !/^(bpf|perf_event_open)/.test(syscall)) return undefined
  const mode = lockdownMode()
  return mode === undefined || mode === 'none'
    ? undefined
    : `the kernel is locked down (${mode}): see kernel_lockdown(7)`
}

function readOnlyFileSystem({ code }: Failure): string | undefined {
  return code === 'EROFS'
    ? 'the bpffs is mounted read-only: what is pinned there can be used, not changed'
    : undefined
}

/** Pins are made with mode 0600, and what is not there was to be made in what is. */
function notOurs({ code, path }: Failure): string | undefined {
  const existing = code === 'EACCES' && path !== undefined ? nearest(path) : undefined
  const file = existing === undefined ? undefined : fileStatus(existing)
  return existing === undefined || typeof file !== 'object' ? undefined : ownerText(existing, file)
}

function ownerText(path: string, { uid, mode }: FileStatus): string {
  return `'${path}' belongs to user ${uid} and has mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`
}

/** Containers filter bpf(2) whatever the capabilities. */
function seccomp({ code }: Failure): string | undefined {
  if (code !== 'EPERM' || !hasSeccompFilter()) return undefined
  return 'a seccomp filter is at work (a container?), which may forbid the call'
}

const notTaken = 'this kernel does not take it so: `bpfpin doctor` says what it has'
const noMemory =
  'the kernel had no memory for it: the system has none, or the memory cgroup of this process (memory.max)'
const forbidden =
  'no reason was found: a security module may forbid it (SELinux, AppArmor, a BPF program of type LSM); see the audit log'

/** What an error mostly means, where no reason was found. */
const meanings: Readonly<Record<string, string>> = {
  ENOMEM: noMemory,
  // kernel/bpf/inode.c: bpf_get_inode; bpffs has neither blocks nor quotas
  ENOSPC: noMemory,
  ENOLCK: noMemory,
  EPERM: forbidden,
  EACCES: forbidden,
  EINVAL: notTaken,
  E2BIG: notTaken,
  EOPNOTSUPP: notTaken,
  ENOTSUPP: notTaken,
  EBUSY: 'something else uses it at this moment: try again',
  EAGAIN: 'something came between: try again',
  EINTR: 'a signal came between: try again',
  EIO: "see the kernel's log (dmesg)",
  ELOOP: 'there are too many symbolic links on the way, or they go in a circle',
  EMLINK: 'there are too many directories in this one',
}

/** What it means of some calls. */
const meaningsOf: Readonly<Record<string, string>> = {
  'EEXIST bpf(BPF_OBJ_PIN)': 'something is there, new or not ours to open: choose another path',
  'ENOSPC epoll_ctl': 'see /proc/sys/fs/epoll/max_user_watches',
  'ENOSPC perf_event_open': 'the processor counts no more events at once',
  'E2BIG bpf(BPF_MAP_UPDATE_ELEM)': 'the map is full: it holds max_entries entries',
  'E2BIG bpf(BPF_MAP_UPDATE_BATCH)': 'the map is full: it holds max_entries entries',
  'E2BIG bpf(BPF_LINK_CREATE)': 'as many programs are attached there as the kernel allows',
}

function generally({ code, syscall, hint }: Failure): string | undefined {
  return hint === undefined ? (meaningsOf[`${code} ${syscall}`] ?? meanings[code]) : undefined
}

/** The deepest directory on the way to a path, or the path itself, that is there. */
function nearest(path: string): string | undefined {
  let existing = path
  while (typeof fileStatus(existing) === 'number') {
    if (dirname(existing) === existing) return undefined
    existing = dirname(existing)
  }
  return existing
}
