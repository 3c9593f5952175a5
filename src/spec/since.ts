import { type AttachType, type ProgramType, programFlag } from './kernel.ts'

/** The Linux in which programs of a kind can first be loaded; what is not here is older than links that can be pinned (5.8). */
const attachTypesSince: Partial<Record<AttachType, string>> = {
  cgroup_inet_sock_release: '5.9',
  xdp_cpumap: '5.9',
  sk_lookup: '5.9',
  sk_skb_verdict: '5.13',
  sk_reuseport_select_or_migrate: '5.14',
  trace_kprobe_multi: '5.18',
  lsm_cgroup: '6.0',
  netfilter: '6.4',
  tcx_ingress: '6.6',
  tcx_egress: '6.6',
  trace_uprobe_multi: '6.6',
  cgroup_unix_connect: '6.7',
  cgroup_unix_sendmsg: '6.7',
  cgroup_unix_recvmsg: '6.7',
  cgroup_unix_getpeername: '6.7',
  cgroup_unix_getsockname: '6.7',
  netkit_primary: '6.7',
  netkit_peer: '6.7',
  trace_kprobe_session: '6.10',
  trace_uprobe_session: '6.13',
}

const programTypesSince: Partial<Record<ProgramType, string>> = {
  sk_lookup: '5.9',
  syscall: '5.14',
  netfilter: '6.4',
}

/** The Linux that a program needs for what its section says it is; `undefined` where any will do. */
export function sinceLinux(program: {
  readonly type: ProgramType
  readonly attachType: AttachType | undefined
}): string | undefined {
  const { type, attachType } = program
  return (attachType && attachTypesSince[attachType]) ?? programTypesSince[type]
}

const laterAttachTypes: ReadonlySet<AttachType> = /* @__PURE__ */ new Set<AttachType>([
  ...(['trace_fsession', 'trace_fentry_multi', 'trace_fexit_multi', 'trace_fsession_multi'] as const),
])
/** Kinds of programs that may sleep in later kernels only. */
const sleepingLater: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['tracepoint', 'raw_tracepoint', 'trace_raw_tp'],
])

/** Is it of a kind that Linux 6.18 does not know? Later ones were not at hand to be asked. */
export function isLaterKind(program: {
  readonly type: ProgramType
  readonly attachType: AttachType | undefined
  readonly flags: number
}): boolean {
  const { type, attachType, flags } = program
  if (attachType && laterAttachTypes.has(attachType)) return true
  return (flags & programFlag.SLEEPABLE) !== 0 && sleepingLater.has(attachType ?? type)
}
