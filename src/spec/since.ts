import type { AttachType, ProgramType } from './kernel.ts'

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
  trace_fsession: '7.0',
  trace_fentry_multi: '7.1',
  trace_fexit_multi: '7.1',
  trace_fsession_multi: '7.1',
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
