import { readFileSync } from 'node:fs'
import { address, at, get53 } from './arena.ts'
import { call6 } from './gate.ts'

// What of the system decides over BPF calls, other than the kernel's version: asked after a failure, and by whoever wants
// to know before.

/** include/uapi/linux/capability.h */
export const capability = { NET_ADMIN: 12, SYS_ADMIN: 21, PERFMON: 38, BPF: 39 } as const

export type CapabilityName = keyof typeof capability

/** Which of the capabilities that BPF may take are in effect; `undefined` where /proc does not say. */
export function effectiveCapabilities(): ReadonlySet<CapabilityName> | undefined {
  const mask = /^CapEff:\t([0-9a-f]+)$/m.exec(textOf('/proc/self/status'))?.[1]
  if (mask === undefined) return undefined
  const bits = BigInt(`0x${mask}`)
  // the keys are what CapabilityName is made of
  const names = Object.keys(capability) as CapabilityName[]
  return new Set(names.filter(name => (bits >> BigInt(capability[name])) & 1n))
}

/** Capabilities that count are those of the first user namespace, whose map is everything. */
export function isInUserNamespace(): boolean {
  const map = textOf('/proc/self/uid_map').trim().split(/\s+/).map(Number)
  return map.length >= 3 && !(map[0] === 0 && map[1] === 0 && map[2] === 0xffff_ffff)
}

/** Is a seccomp filter at work? */
export function hasSeccompFilter(): boolean {
  return /^Seccomp:\t2$/m.test(textOf('/proc/self/status'))
}

export type Lockdown = 'none' | 'integrity' | 'confidentiality'

/** How far the kernel is locked down; `undefined` where securityfs, which says it, is not mounted. */
export function lockdownMode(): Lockdown | undefined {
  const mode = /\[(none|integrity|confidentiality)\]/.exec(textOf('/sys/kernel/security/lockdown'))?.[1]
  // the expression has no other words
  return mode as Lockdown | undefined
}

/** The security modules that are active; `undefined` where securityfs, which says it, is not mounted. */
export function activeLsms(): readonly string[] | undefined {
  const listed = textOf('/sys/kernel/security/lsm').trim()
  return listed === '' ? undefined : listed.split(',')
}

/** A file system that is mounted where this process sees it. */
export interface Mount {
  readonly path: string
  readonly type: string
  /** `rw`, `mode=700`, `delegate_cmds=any`, ... */
  readonly options: readonly string[]
}

/** What is mounted, of one type: `bpf`, `tracefs`, `cgroup2`. */
export function mountsOf(type: string): readonly Mount[] {
  const lines = textOf('/proc/self/mounts')
    .split('\n')
    .map(line => line.split(' '))
  return lines.flatMap(([, path, kind, options = '']) =>
    kind === type && path !== undefined ? [{ path: unescaped(path), type, options: options.split(',') }] : [],
  )
}

/** fs/proc_namespace.c: blanks, tabs, line ends and backslashes are written as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** RLIMIT_* (include/uapi/asm-generic/resource.h). */
const resources = { openFiles: 7, lockedMemory: 8 } as const

export type Resource = keyof typeof resources

/** A limit of this process, as decimal digits, or `unlimited`. */
export type Limit = Readonly<Record<'soft' | 'hard', string>>

/** By system call: a process without a free descriptor cannot read /proc. */
export function limitOf(resource: Resource): Limit {
  call6('prlimit64', 0, resources[resource], 0, address(at.result), 0, 0)
  const say = (offset: number): string => {
    const value = get53(at.result + offset)
    return value > Number.MAX_SAFE_INTEGER ? 'unlimited' : String(value)
  }
  return { soft: say(0), hard: say(8) }
}

/** What is in a file, nothing where it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
