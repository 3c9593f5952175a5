import { type AttachType, type ProgramType, programFlag } from './kernel.ts'

/**
 * How programs of a section are attached; each has its file in `src/link/`. `null`: no link for this kind of program
 * (it is run by hand, by a map, by netlink or as a tail call).
 */
export type LinkFamily =
  | 'raw_tracepoint'
  | 'tracing'
  | 'tracing_multi'
  | 'lsm_cgroup'
  | 'freplace'
  | 'iter'
  | 'tracepoint'
  | 'kprobe'
  | 'kprobe_multi'
  | 'ksyscall'
  | 'uprobe'
  | 'uprobe_multi'
  | 'usdt'
  | 'perf_event'
  | 'cgroup'
  | 'netns'
  | 'xdp'
  | 'tcx'
  | 'netkit'
  | 'netfilter'
  | 'sockmap'
  | 'struct_ops'

/** What a section name says about the programs in it. */
export interface SectionRule {
  readonly programType: ProgramType
  /** `undefined`: the kernel wants none at load (it gets 0). */
  readonly attachType: AttachType | undefined
  /** Flags of BPF_PROG_LOAD. */
  readonly flags: number
  readonly family: LinkFamily | null
  /** Does the section name also say where to attach: `tracepoint/syscalls/sys_enter_openat`. */
  readonly namesTarget: boolean
}

/** A section name, understood. */
export interface SectionMatch extends SectionRule {
  /** What follows the `/`: `'syscalls/sys_enter_openat'`; empty where there is nothing. */
  readonly extra: string
}

type Row = readonly [
  /** A trailing `+`: the bare name or `name/extra`; otherwise the whole name. */
  section: string,
  programType: ProgramType,
  attachType: AttachType | undefined,
  family: LinkFamily | null,
  options?: 'sleepable' | 'frags',
]

/**
 * Every section name that says what a program is (the names are those that the field agreed on in libbpf's program type
 * documentation, Documentation/bpf/libbpf/program_types.rst). Each name is there once.
 */
const rows: readonly Row[] = [
  ['socket', 'socket_filter', undefined, null],
  ['sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate', null],
  ['sk_reuseport', 'sk_reuseport', 'sk_reuseport_select', null],

  ['kprobe+', 'kprobe', undefined, 'kprobe'],
  ['kretprobe+', 'kprobe', undefined, 'kprobe'],
  ['kprobe.multi+', 'kprobe', 'trace_kprobe_multi', 'kprobe_multi'],
  ['kretprobe.multi+', 'kprobe', 'trace_kprobe_multi', 'kprobe_multi'],
  ['kprobe.session+', 'kprobe', 'trace_kprobe_session', 'kprobe_multi'],
  ['ksyscall+', 'kprobe', undefined, 'ksyscall'],
  ['kretsyscall+', 'kprobe', undefined, 'ksyscall'],
  ['uprobe+', 'kprobe', undefined, 'uprobe'],
  ['uprobe.s+', 'kprobe', undefined, 'uprobe', 'sleepable'],
  ['uretprobe+', 'kprobe', undefined, 'uprobe'],
  ['uretprobe.s+', 'kprobe', undefined, 'uprobe', 'sleepable'],
  ['uprobe.multi+', 'kprobe', 'trace_uprobe_multi', 'uprobe_multi'],
  ['uprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', 'uprobe_multi', 'sleepable'],
  ['uretprobe.multi+', 'kprobe', 'trace_uprobe_multi', 'uprobe_multi'],
  ['uretprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', 'uprobe_multi', 'sleepable'],
  ['uprobe.session+', 'kprobe', 'trace_uprobe_session', 'uprobe_multi'],
  ['uprobe.session.s+', 'kprobe', 'trace_uprobe_session', 'uprobe_multi', 'sleepable'],
  ['usdt+', 'kprobe', undefined, 'usdt'],
  ['usdt.s+', 'kprobe', undefined, 'usdt', 'sleepable'],

  ['tracepoint+', 'tracepoint', undefined, 'tracepoint'],
  ['tp+', 'tracepoint', undefined, 'tracepoint'],
  ['tracepoint.s+', 'tracepoint', undefined, 'tracepoint', 'sleepable'],
  ['tp.s+', 'tracepoint', undefined, 'tracepoint', 'sleepable'],
  ['raw_tracepoint+', 'raw_tracepoint', undefined, 'raw_tracepoint'],
  ['raw_tp+', 'raw_tracepoint', undefined, 'raw_tracepoint'],
  ['raw_tracepoint.s+', 'raw_tracepoint', undefined, 'raw_tracepoint', 'sleepable'],
  ['raw_tp.s+', 'raw_tracepoint', undefined, 'raw_tracepoint', 'sleepable'],
  ['raw_tracepoint.w+', 'raw_tracepoint_writable', undefined, 'raw_tracepoint'],
  ['raw_tp.w+', 'raw_tracepoint_writable', undefined, 'raw_tracepoint'],
  ['perf_event', 'perf_event', undefined, 'perf_event'],

  ['tp_btf+', 'tracing', 'trace_raw_tp', 'tracing'],
  ['tp_btf.s+', 'tracing', 'trace_raw_tp', 'tracing', 'sleepable'],
  ['fentry+', 'tracing', 'trace_fentry', 'tracing'],
  ['fentry.s+', 'tracing', 'trace_fentry', 'tracing', 'sleepable'],
  ['fexit+', 'tracing', 'trace_fexit', 'tracing'],
  ['fexit.s+', 'tracing', 'trace_fexit', 'tracing', 'sleepable'],
  ['fmod_ret+', 'tracing', 'modify_return', 'tracing'],
  ['fmod_ret.s+', 'tracing', 'modify_return', 'tracing', 'sleepable'],
  ['fsession+', 'tracing', 'trace_fsession', 'tracing'],
  ['fsession.s+', 'tracing', 'trace_fsession', 'tracing', 'sleepable'],
  ['fentry.multi+', 'tracing', 'trace_fentry_multi', 'tracing_multi'],
  ['fentry.multi.s+', 'tracing', 'trace_fentry_multi', 'tracing_multi', 'sleepable'],
  ['fexit.multi+', 'tracing', 'trace_fexit_multi', 'tracing_multi'],
  ['fexit.multi.s+', 'tracing', 'trace_fexit_multi', 'tracing_multi', 'sleepable'],
  ['fsession.multi+', 'tracing', 'trace_fsession_multi', 'tracing_multi'],
  ['fsession.multi.s+', 'tracing', 'trace_fsession_multi', 'tracing_multi', 'sleepable'],
  ['iter+', 'tracing', 'trace_iter', 'iter'],
  ['iter.s+', 'tracing', 'trace_iter', 'iter', 'sleepable'],
  ['freplace+', 'ext', undefined, 'freplace'],
  ['lsm+', 'lsm', 'lsm_mac', 'tracing'],
  ['lsm.s+', 'lsm', 'lsm_mac', 'tracing', 'sleepable'],
  ['lsm_cgroup+', 'lsm', 'lsm_cgroup', 'lsm_cgroup'],
  ['syscall', 'syscall', undefined, null, 'sleepable'],

  ['tc/ingress', 'sched_cls', 'tcx_ingress', 'tcx'],
  ['tc/egress', 'sched_cls', 'tcx_egress', 'tcx'],
  ['tcx/ingress', 'sched_cls', 'tcx_ingress', 'tcx'],
  ['tcx/egress', 'sched_cls', 'tcx_egress', 'tcx'],
  ['tc', 'sched_cls', undefined, null],
  ['classifier', 'sched_cls', undefined, null],
  ['action', 'sched_act', undefined, null],
  ['netkit/primary', 'sched_cls', 'netkit_primary', 'netkit'],
  ['netkit/peer', 'sched_cls', 'netkit_peer', 'netkit'],
  ['xdp.frags/devmap', 'xdp', 'xdp_devmap', null, 'frags'],
  ['xdp/devmap', 'xdp', 'xdp_devmap', null],
  ['xdp.frags/cpumap', 'xdp', 'xdp_cpumap', null, 'frags'],
  ['xdp/cpumap', 'xdp', 'xdp_cpumap', null],
  ['xdp.frags', 'xdp', 'xdp', 'xdp', 'frags'],
  ['xdp', 'xdp', 'xdp', 'xdp'],
  ['lwt_in', 'lwt_in', undefined, null],
  ['lwt_out', 'lwt_out', undefined, null],
  ['lwt_xmit', 'lwt_xmit', undefined, null],
  ['lwt_seg6local', 'lwt_seg6local', undefined, null],
  ['netfilter', 'netfilter', 'netfilter', 'netfilter'],
  ['flow_dissector', 'flow_dissector', 'flow_dissector', 'netns'],
  ['sk_lookup', 'sk_lookup', 'sk_lookup', 'netns'],
  ['lirc_mode2', 'lirc_mode2', 'lirc_mode2', null],

  ['sockops', 'sock_ops', 'cgroup_sock_ops', 'cgroup'],
  ['sk_skb/stream_parser', 'sk_skb', 'sk_skb_stream_parser', 'sockmap'],
  ['sk_skb/stream_verdict', 'sk_skb', 'sk_skb_stream_verdict', 'sockmap'],
  ['sk_skb/verdict', 'sk_skb', 'sk_skb_verdict', 'sockmap'],
  ['sk_skb', 'sk_skb', undefined, null],
  ['sk_msg', 'sk_msg', 'sk_msg_verdict', 'sockmap'],

  ['cgroup_skb/ingress', 'cgroup_skb', 'cgroup_inet_ingress', 'cgroup'],
  ['cgroup_skb/egress', 'cgroup_skb', 'cgroup_inet_egress', 'cgroup'],
  ['cgroup/skb', 'cgroup_skb', undefined, 'cgroup'],
  ['cgroup/sock_create', 'cgroup_sock', 'cgroup_inet_sock_create', 'cgroup'],
  ['cgroup/sock_release', 'cgroup_sock', 'cgroup_inet_sock_release', 'cgroup'],
  ['cgroup/sock', 'cgroup_sock', 'cgroup_inet_sock_create', 'cgroup'],
  ['cgroup/post_bind4', 'cgroup_sock', 'cgroup_inet4_post_bind', 'cgroup'],
  ['cgroup/post_bind6', 'cgroup_sock', 'cgroup_inet6_post_bind', 'cgroup'],
  ['cgroup/bind4', 'cgroup_sock_addr', 'cgroup_inet4_bind', 'cgroup'],
  ['cgroup/bind6', 'cgroup_sock_addr', 'cgroup_inet6_bind', 'cgroup'],
  ['cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect', 'cgroup'],
  ['cgroup/connect6', 'cgroup_sock_addr', 'cgroup_inet6_connect', 'cgroup'],
  ['cgroup/connect_unix', 'cgroup_sock_addr', 'cgroup_unix_connect', 'cgroup'],
  ['cgroup/sendmsg4', 'cgroup_sock_addr', 'cgroup_udp4_sendmsg', 'cgroup'],
  ['cgroup/sendmsg6', 'cgroup_sock_addr', 'cgroup_udp6_sendmsg', 'cgroup'],
  ['cgroup/sendmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_sendmsg', 'cgroup'],
  ['cgroup/recvmsg4', 'cgroup_sock_addr', 'cgroup_udp4_recvmsg', 'cgroup'],
  ['cgroup/recvmsg6', 'cgroup_sock_addr', 'cgroup_udp6_recvmsg', 'cgroup'],
  ['cgroup/recvmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_recvmsg', 'cgroup'],
  ['cgroup/getpeername4', 'cgroup_sock_addr', 'cgroup_inet4_getpeername', 'cgroup'],
  ['cgroup/getpeername6', 'cgroup_sock_addr', 'cgroup_inet6_getpeername', 'cgroup'],
  ['cgroup/getpeername_unix', 'cgroup_sock_addr', 'cgroup_unix_getpeername', 'cgroup'],
  ['cgroup/getsockname4', 'cgroup_sock_addr', 'cgroup_inet4_getsockname', 'cgroup'],
  ['cgroup/getsockname6', 'cgroup_sock_addr', 'cgroup_inet6_getsockname', 'cgroup'],
  ['cgroup/getsockname_unix', 'cgroup_sock_addr', 'cgroup_unix_getsockname', 'cgroup'],
  ['cgroup/sysctl', 'cgroup_sysctl', 'cgroup_sysctl', 'cgroup'],
  ['cgroup/getsockopt', 'cgroup_sockopt', 'cgroup_getsockopt', 'cgroup'],
  ['cgroup/setsockopt', 'cgroup_sockopt', 'cgroup_setsockopt', 'cgroup'],
  ['cgroup/dev', 'cgroup_device', 'cgroup_device', 'cgroup'],

  ['struct_ops+', 'struct_ops', undefined, null],
  ['struct_ops.s+', 'struct_ops', undefined, null, 'sleepable'],
]

/** Program types whose attach target is a BTF id that BPF_PROG_LOAD wants (kernel/bpf/syscall.c: bpf_prog_load_check_attach). */
const btfTargetTypes: ReadonlySet<ProgramType> = /* @__PURE__ */ new Set<ProgramType>([
  'tracing',
  'lsm',
  'ext',
])

/** Does the kernel want to know at load what a program is for? */
export function needsBtfTarget({ type, attachType }: LoadedAs): boolean {
  return btfTargetTypes.has(type) && !attachType?.endsWith('_multi')
}

/** What the kernel is told of a program when it is loaded. */
interface LoadedAs {
  readonly type: ProgramType
  readonly attachType: AttachType | undefined
}

function ruleOf([pattern, programType, attachType, family, option]: Row): SectionRule {
  const flags =
    option === 'sleepable' ? programFlag.SLEEPABLE : option === 'frags' ? programFlag.XDP_HAS_FRAGS : 0
  return {
    programType,
    attachType,
    flags,
    family,
    namesTarget: pattern.endsWith('+'),
  }
}

let byName: Map<string, SectionRule> | undefined

/**
 * What a section name says, or `undefined` for a name that says nothing. A leading `?` (do not load by default) is the
 * caller's to remove.
 *
 * @example
 * matchSection('tracepoint/sched/sched_switch')?.extra // 'sched/sched_switch'
 */
export function matchSection(section: string): SectionMatch | undefined {
  // each name is in the table once, and only names with `+` take an extra: two look-ups find any match
  byName ??= new Map(rows.map(row => [row[0].replace('+', ''), ruleOf(row)]))
  const whole = byName.get(section)
  if (whole) return { ...whole, extra: '' }
  const slash = section.indexOf('/')
  const rule = slash < 0 ? undefined : byName.get(section.slice(0, slash))
  return rule?.namesTarget ? { ...rule, extra: section.slice(slash + 1) } : undefined
}

/** All section names of the table, a trailing `+` removed: for suggestions and documentation. */
export const sectionNames = (): string[] => rows.map(row => row[0].replace('+', ''))

let byAttachType: Map<AttachType, LinkFamily> | undefined

/** Families by what a program was told to attach to: every attach type in the table is that of one family. */
function familyOfAttachType(attachType: AttachType): LinkFamily | undefined {
  byAttachType ??= new Map(
    rows.flatMap(([, , attachType, family]) => (attachType && family ? [[attachType, family] as const] : [])),
  )
  return byAttachType.get(attachType)
}

/**
 * How a program is attached: as its section says, or where that leaves it open (`tc`, `classifier`, `sk_skb`, a name that is
 * not in the table) its attach type; `undefined` where no link does it.
 */
export function familyOf(program: {
  readonly rule: SectionRule | undefined
  readonly attachType: AttachType | undefined
}): LinkFamily | undefined {
  const { rule, attachType } = program
  return rule?.family ?? (attachType && familyOfAttachType(attachType))
}
