import type { FoundFeature } from '../object/features.ts'
import type { RootFacts, Survey } from '../object/survey.ts'

/** What is said of one thing that BPF needs. */
export interface Check {
  readonly name: string
  /** `missing`: bpfpin cannot do its work; `limited`: something cannot be done; `unknown`: it could not be found out. */
  readonly state: 'ok' | 'missing' | 'limited' | 'unknown'
  readonly found: string
  /** What does not work because of it. */
  readonly stops?: string
  /** What mends it: a command, or what has to be changed where no command can. */
  readonly fix?: string
}

/** What follows from how a system is, in the order in which one would mend it. */
export function checkup(survey: Survey): Check[] {
  return checks.flatMap(check => check(survey))
}

const checks: readonly ((survey: Survey) => Check | readonly Check[])[] = [
  kernel,
  nativePart,
  capabilities,
  seccomp,
  bpffs,
  kernelTypes,
  compiler,
  tracefs,
  cgroups,
  lockdown,
  securityModules,
  addresses,
  openFiles,
  lockedMemory,
  features,
]

const everything = 'everything but inspect, and plan --against'

function kernel({ kernel: { release, architecture }, platform }: Survey): Check {
  const found = `${release} (${architecture})`
  const check = { name: 'kernel', found }
  if (platform !== 'linux') return { ...check, state: 'missing', stops: everything, fix: 'run it on Linux' }
  const fix = 'boot Linux 6.1 or newer'
  if (isBefore(release, 5, 8)) {
    return { ...check, state: 'missing', stops: 'pinned links: programs end with the process', fix }
  }
  if (isBefore(release, 6, 1)) {
    return { ...check, state: 'limited', stops: 'what bpfpin is tested on begins with Linux 6.1', fix }
  }
  return { ...check, state: 'ok' }
}

function isBefore(release: string, major: number, minor: number): boolean {
  const [haveMajor = 0, haveMinor = 0] = release.split('.', 2).map(Number)
  return haveMajor < major || (haveMajor === major && haveMinor < minor)
}

function nativePart({ nativeProblem }: Survey): readonly Check[] {
  if (nativeProblem === undefined) return []
  const fix = 'npm install koffi --include=optional, on the system that it is to run on'
  return [{ name: 'system calls', state: 'missing', found: nativeProblem, stops: everything, fix }]
}

function capabilities(survey: Survey): Check {
  const { capabilities: has, user, token } = survey
  const name = 'capabilities'
  if (has === undefined)
    return { name, state: 'unknown', found: '/proc is not mounted', fix: 'mount -t proc proc /proc' }
  if (survey.isInUserNamespace) return inUserNamespace(token)
  const missing = (['BPF', 'PERFMON', 'NET_ADMIN'] as const).filter(one => !has.has(one))
  if (has.has('SYS_ADMIN') || missing.length === 0) {
    const rest = has.has('SYS_ADMIN') ? 'all that BPF takes' : 'CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN'
    return { name, state: 'ok', found: rest }
  }
  const list = missing.map(one => `CAP_${one}`).join(', ')
  const stops = missing.map(one => stoppedBy[one])
  const found = user.uid === 0 ? `root without ${list} (a container?)` : `user ${user.uid} without ${list}`
  return {
    ...{ name, found, stops: stops.join('; ') },
    state: missing.includes('BPF') ? 'missing' : 'limited',
    fix: user.uid === 0 ? inContainer(missing) : asUser(user),
  }
}

const stoppedBy = {
  BPF: 'loading anything: pin, rollback',
  PERFMON: 'tracing programs (kprobes, tracepoints, fentry, perf events)',
  NET_ADMIN: 'network programs (XDP, tc, cgroup sockets)',
} as const

function inContainer(missing: readonly string[]): string {
  return `docker run ${missing.map(one => `--cap-add ${one}`).join(' ')} ...`
}

/** Tried by the tests as it stands here. */
function asUser({ uid, gid }: Survey['user']): string {
  const given = '+bpf,+perfmon,+net_admin'
  const who = `--reuid ${uid} --regid ${gid} --clear-groups`
  return `sudo setpriv ${who} --inh-caps ${given} --ambient-caps ${given} bpfpin COMMAND, or sudo bpfpin COMMAND`
}

function inUserNamespace(token: Survey['token']): Check {
  const name = 'capabilities'
  if (token && token.problem === undefined) {
    return { name, state: 'ok', found: `in a user namespace, to which the bpffs at ${token.path} delegates` }
  }
  const why = token
    ? `the bpffs at ${token.path} gives no token: ${token.problem}`
    : 'no bpffs delegates to it'
  return {
    ...{
      name,
      state: 'missing',
      found: `in a user namespace, and ${why}`,
      stops: 'loading anything: pin, rollback',
    },
    fix: 'mount, in it, a bpffs that delegates: mount -t bpf -o delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any bpf DIR (Linux 6.9; whoever mounts it needs CAP_SYS_ADMIN outside)',
  }
}

function seccomp({ hasSeccompFilter, features: found, capabilities: has }: Survey): readonly Check[] {
  const isRefused = found.some(({ name, available }) => name === 'maps' && available !== 'yes')
  if (!hasSeccompFilter || !isRefused || !has?.has('BPF')) return []
  return [
    {
      ...{
        name: 'seccomp',
        state: 'missing',
        found: 'bpf(2) is refused, and a filter is at work',
        stops: everything,
      },
      fix: 'docker run --security-opt seccomp=FILE ..., with a profile that allows bpf and perf_event_open',
    },
  ]
}

function bpffs(survey: Survey): Check {
  const { root, bpffs: mounts, user } = survey
  const check = {
    name: 'bpffs',
    stops: 'pinning, and finding what is pinned: all but inspect, and plan --against',
  }
  const { path, state } = root
  const sudo = user.uid === 0 ? '' : 'sudo '
  if (state === 'hidden') {
    return {
      ...check,
      state: 'missing',
      found: `${path} cannot be looked into`,
      fix: `${sudo}bpfpin COMMAND`,
    }
  }
  if (state === 'file') {
    const found = `${path} is a pin, or is below one, and not a directory`
    return { ...check, state: 'missing', found, fix: '--root DIR, a directory on a bpffs' }
  }
  if (state === 'other' || state === 'absent') {
    const [elsewhere] = mounts
    const make = state === 'absent' ? `${sudo}mkdir -p ${quoted(path)} && ` : ''
    const mount = `${make}${sudo}mount -t bpf bpf ${quoted(path)}`
    const fix = elsewhere ? `${mount}, or --root ${quoted(elsewhere.path)}, where one is mounted` : mount
    return { ...check, state: 'missing', found: `${path} is not on a bpffs`, fix }
  }
  if (root.isReadOnlyMount) {
    const mount = mounts.find(one => `${path}/`.startsWith(`${one.path}/`))?.path ?? path
    const fix = `${sudo}mount -o remount,rw ${quoted(mount)}`
    return {
      ...check,
      state: 'limited',
      found: `${path} is mounted read-only`,
      stops: 'pin, rollback, unpin',
      fix,
    }
  }
  if (!root.isWritable) return notWritable(root, survey)
  const found = state === 'missing' ? `${path} would be made at the first pin` : path
  return { name: 'bpffs', state: 'ok', found }
}

function notWritable({ path, state, owner }: RootFacts, { user }: Survey): Check {
  const own = state === 'missing' ? path : `${path}/NAME`
  const isClosed = owner !== undefined && (owner.mode & 1) === 0
  const open = isClosed && state === 'bpffs' ? `sudo chmod o+x ${quoted(path)} && ` : ''
  const mode = (owner?.mode ?? 0).toString(8).padStart(4, '0')
  return {
    ...{ name: 'bpffs', state: 'missing', stops: 'pin, rollback, unpin' },
    found: `${path}: user ${user.uid} may not write to it (user ${owner?.uid}, mode ${mode})`,
    fix: `${open}sudo install -d -o ${user.uid} -g ${user.gid} -m 0700 ${quoted(own)}, and --root ${quoted(own)}`,
  }
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

function kernelTypes({ btf: { path, problem } }: Survey): Check {
  const name = 'types of the kernel'
  if (problem === undefined) return { name, state: 'ok', found: path }
  return {
    ...{ name, state: 'limited', found: problem, stops: 'CO-RE, fentry, LSM, struct_ops, kernel functions' },
    fix: 'boot a kernel with CONFIG_DEBUG_INFO_BTF=y; for CO-RE alone: bpfpin pin OBJECT --btf FILE',
  }
}

function compiler({ jit }: Survey): readonly Check[] {
  if (jit !== false) return []
  return [
    {
      ...{ name: 'compiler', state: 'limited', found: 'programs are interpreted, not compiled' },
      ...{ stops: 'fentry, struct_ops, kernel functions; the rest is slow' },
      fix: 'sysctl -w net.core.bpf_jit_enable=1',
    },
  ]
}

function tracefs({ hasTracefs, capabilities: has }: Survey): readonly Check[] {
  // who may mount it need not: a tracepoint's number is read from one that is mounted nowhere
  if (hasTracefs || has?.has('SYS_ADMIN')) return []
  return [
    {
      ...{ name: 'tracefs', state: 'limited', found: 'not mounted, or not for this user' },
      ...{ stops: 'SEC("tracepoint/..."), bpfpin log' },
      fix: 'sudo mount -t tracefs tracefs /sys/kernel/tracing',
    },
  ]
}

function cgroups({ hasCgroup2 }: Survey): readonly Check[] {
  if (hasCgroup2) return []
  return [
    {
      ...{ name: 'cgroup v2', state: 'limited', found: 'not mounted', stops: 'programs of cgroups' },
      fix: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    },
  ]
}

const noSecurityfs: Omit<Check, 'name'> = {
  state: 'unknown',
  found: 'securityfs, which says it, is not mounted',
  fix: 'mount -t securityfs securityfs /sys/kernel/security',
}

function lockdown({ lockdown: mode, lsms }: Survey): Check {
  const name = 'lockdown'
  // without the module there is no such file
  if (mode === undefined) return lsms ? { name, state: 'ok', found: 'not there' } : { name, ...noSecurityfs }
  if (mode === 'none') return { name, state: 'ok', found: mode }
  const stops =
    mode === 'integrity'
      ? 'programs that write to the memory of processes (bpf_probe_write_user)'
      : 'programs that read memory of the kernel: kprobes, tracing'
  return {
    name,
    state: 'limited',
    found: mode,
    stops,
    fix: 'boot with lockdown=none (Secure Boot may set it)',
  }
}

function securityModules({ lsms }: Survey): Check {
  const name = 'security modules'
  if (lsms === undefined) return { name, ...noSecurityfs }
  const found = lsms.join(', ')
  if (lsms.includes('bpf')) return { name, state: 'ok', found }
  return {
    ...{ name, state: 'limited', found: `${found}; bpf is not among them` },
    stops: 'programs of SEC("lsm/...") are attached and never run',
    fix: `boot with lsm=${lsms.filter(one => one !== 'capability').join(',')},bpf`,
  }
}

function addresses({ hasKernelAddresses, capabilities: has }: Survey): readonly Check[] {
  if (hasKernelAddresses || !has?.has('BPF')) return []
  return [
    {
      ...{ name: 'kernel symbols', state: 'limited', found: '/proc/kallsyms shows no addresses' },
      ...{ stops: '__ksym symbols without a type' },
      fix: 'sysctl -w kernel.kptr_restrict=1, and CAP_SYSLOG',
    },
  ]
}

/** A map, program and link take a descriptor each. */
const enoughFiles = 1024

function openFiles({ openFiles: limit }: Survey): Check | readonly Check[] {
  if (!limit) return []
  const { soft, hard } = limit
  const name = 'open files'
  const found = soft === hard ? `${soft} at most` : `${soft} at most, up to ${hard} may be asked for`
  if (hard === 'unlimited' || Number(hard) >= enoughFiles) return { name, state: 'ok', found }
  return {
    ...{
      name,
      state: 'limited',
      found,
      stops: `objects with more than about ${hard} maps, programs and links`,
    },
    fix: 'ulimit -n 20000 as root; LimitNOFILE=20000 of a systemd service',
  }
}

function lockedMemory({ kernel: { release }, lockedMemory: limit }: Survey): readonly Check[] {
  if (!limit || !isBefore(release, 5, 11) || limit.soft === 'unlimited') return []
  const { soft } = limit
  return [
    {
      ...{ name: 'locked memory', state: 'limited', found: `${soft} bytes at most, in which maps count` },
      ...{
        stops: 'maps that are larger together',
        fix: 'ulimit -l unlimited; LimitMEMLOCK=infinity of a service',
      },
    },
  ]
}

function features(survey: Survey): Check[] {
  const { features: all } = survey
  const there = all.filter(({ available }) => available === 'yes').map(({ name }) => name)
  const denied = all.filter(({ available }) => available === 'denied').map(({ name }) => name)
  return [
    ...(there.length > 0 ? [{ name: 'features', state: 'ok', found: there.join(', ') } as const] : []),
    ...(denied.length > 0
      ? [
          {
            name: 'not asked',
            state: 'unknown',
            found: `${denied.join(', ')}: it takes capabilities`,
          } as const,
        ]
      : []),
    ...all.filter(({ available }) => available === 'no').map(feature => missingFeature(feature, survey)),
  ]
}

function missingFeature(feature: FoundFeature, { kernel: { release } }: Survey): Check {
  const { name, stops, since, needs, answer } = feature
  const [major = 0, minor = 0] = since.split('.').map(Number)
  const check = { name, state: 'limited', stops } as const
  const isOld = isBefore(release, major, minor)
  const fix = isOld || needs === undefined ? `boot Linux ${since} or newer` : `boot a kernel with ${needs}`
  if (answer !== 'EPERM' && answer !== 'EACCES') return { ...check, found: 'this kernel has none', fix }
  const found = `${answer}: this kernel refuses it to everyone, lockdown or a filter forbids it`
  return {
    ...check,
    found,
    fix: `boot a kernel that allows it${needs === undefined ? '' : `, with ${needs}`}`,
  }
}
