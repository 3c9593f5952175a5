import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { arch, release } from 'node:os'
import { dirname } from 'node:path'
import { BpfError } from '../errors.ts'
import {
  activeLsms,
  BPF_FS_MAGIC,
  type CapabilityName,
  closeFd,
  effectiveCapabilities,
  errnoName,
  hasSeccompFilter,
  isInUserNamespace,
  type Limit,
  type Lockdown,
  limitOf,
  lockdownMode,
  type Mount,
  mountsOf,
  textOf,
  tokenCreate,
} from '../syscall/index.ts'
import { type FoundFeature, probeFeatures } from './features.ts'
import { kernelTypes } from './kernel-btf.ts'

/** What a system is for BPF, as plain facts; what follows from them is for others to say. */
export interface Survey {
  /** `uname -r`, and the machine's architecture as Node names it. */
  readonly kernel: { readonly release: string; readonly architecture: string }
  /** The effective user id, and that of its group. */
  readonly user: { readonly uid: number; readonly gid: number }
  /** Why no system call can be made at all, where that is so. */
  readonly nativeProblem: string | undefined
  readonly btf: { readonly path: string; readonly problem: string | undefined }
  readonly root: RootFacts
  readonly bpffs: readonly Mount[]
  /** `linux`, where all of this means something. */
  readonly platform: string
  /** Where tools expect it. */
  readonly hasTracefs: boolean
  readonly hasCgroup2: boolean
  /** Those that BPF may take; `undefined` where /proc does not say. */
  readonly capabilities: ReadonlySet<CapabilityName> | undefined
  readonly isInUserNamespace: boolean
  readonly hasSeccompFilter: boolean
  /** Where the bpffs delegates to a token: nothing, or why there is none (an errno's name). */
  readonly token: { readonly path: string; readonly problem: string | undefined } | undefined
  readonly lockdown: Lockdown | undefined
  readonly lsms: readonly string[] | undefined
  /** Are programs compiled? `undefined` where nobody says. */
  readonly jit: boolean | undefined
  /** Does /proc/kallsyms show addresses? */
  readonly hasKernelAddresses: boolean
  /** `undefined` where no system call can be made. */
  readonly openFiles: Limit | undefined
  readonly lockedMemory: Limit | undefined
  readonly features: readonly FoundFeature[]
}

/** The directory that objects are pinned in. */
export interface RootFacts {
  readonly path: string
  /** `absent`: not there, and nor is a bpffs where it would be made. */
  readonly state: 'bpffs' | 'missing' | 'other' | 'absent' | 'hidden' | 'file'
  /** Of it, or of the directory in which it would be made. */
  readonly isWritable: boolean
  readonly isReadOnlyMount: boolean
  readonly owner: { readonly uid: number; readonly mode: number } | undefined
}

/** Looks at the system that this process runs on, with a root as absolute path. Nothing is left behind. */
export function surveySystem(root: string): Survey {
  const nativeProblem = problemOf(() => void closeFd(-1))
  const bpffs = mountsOf('bpf')
  const capabilities = effectiveCapabilities()
  const inUserNamespace = isInUserNamespace()
  const isAble = capabilities?.has('SYS_ADMIN') || loaders.every(name => capabilities?.has(name))
  const mayAsk = isAble && !inUserNamespace
  return {
    kernel: { release: release(), architecture: arch() },
    user: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    nativeProblem,
    btf: { path: '/sys/kernel/btf/vmlinux', problem: problemOf(() => void kernelTypes()) },
    root: rootFacts(root),
    bpffs,
    platform: process.platform,
    hasTracefs: ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'].some(path =>
      existsSync(`${path}/events`),
    ),
    hasCgroup2: mountsOf('cgroup2').length > 0,
    capabilities,
    isInUserNamespace: inUserNamespace,
    hasSeccompFilter: hasSeccompFilter(),
    token: nativeProblem === undefined ? tokenOf(bpffs) : undefined,
    lockdown: lockdownMode(),
    lsms: activeLsms(),
    jit: flag('/proc/sys/net/core/bpf_jit_enable'),
    hasKernelAddresses: /^0*[1-9a-f]/m.test(textOf('/proc/kallsyms').slice(0, 400)),
    openFiles: nativeProblem === undefined ? limitOf('openFiles') : undefined,
    lockedMemory: nativeProblem === undefined ? limitOf('lockedMemory') : undefined,
    features: nativeProblem === undefined ? probeFeatures(mayAsk) : [],
  }
}

/** What loading takes besides CAP_SYS_ADMIN, which is enough. */
const loaders: readonly CapabilityName[] = ['BPF', 'PERFMON', 'NET_ADMIN']

function problemOf(look: () => void): string | undefined {
  try {
    look()
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    return error.message
  }
  return undefined
}

/** `undefined` for a file that cannot be read: this one only root may. */
function flag(path: string): boolean | undefined {
  const text = textOf(path).trim()
  return text === '' ? undefined : text !== '0'
}

/** What a bpffs delegates stands in its mount options (kernel/bpf/inode.c: bpf_show_options). */
function tokenOf(mounts: readonly Mount[]): Survey['token'] {
  const mount = mounts.find(({ options }) => options.some(option => option.startsWith('delegate_')))
  if (!mount) return undefined
  const token = tokenCreate(mount.path)
  if (token >= 0) closeFd(token)
  return { path: mount.path, problem: token < 0 ? errnoName(-token) : undefined }
}

function rootFacts(path: string): RootFacts {
  for (let at = path; ; at = dirname(at)) {
    const facts = factsAt(path, at)
    if (facts) return facts
  }
}

/** `undefined` where nothing is there. */
function factsAt(root: string, path: string): RootFacts | undefined {
  const unusable = { path: root, isWritable: false, isReadOnlyMount: false, owner: undefined }
  try {
    const isBpffs = statfsSync(path).type === BPF_FS_MAGIC
    const isThere = path === root
    if (!isBpffs) return { ...unusable, state: isThere ? 'other' : 'absent' }
    const status = statSync(path)
    // a pin, below which nothing can be
    if (!status.isDirectory()) return { ...unusable, state: 'file' }
    const { uid, mode } = status
    const access = accessProblem(path)
    return {
      path: root,
      state: isThere ? 'bpffs' : 'missing',
      isWritable: access === undefined,
      isReadOnlyMount: access === 'EROFS',
      owner: { uid, mode: mode & 0o7777 },
    }
  } catch (error) {
    // what Node's fs throws has a code
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && path !== '/') return undefined
    return { ...unusable, state: code === 'EACCES' ? 'hidden' : 'absent' }
  }
}

function accessProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    // what Node's fs throws has a code
    return (error as NodeJS.ErrnoException).code
  }
}
