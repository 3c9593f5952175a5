import type { MapType, ProgramType } from '../spec/kernel.ts'
import type { CapabilityName } from '../syscall/index.ts'

/** kernel/bpf/syscall.c: is_perfmon_prog_type. */
const perfmonPrograms: ReadonlySet<ProgramType> = /* @__PURE__ */ new Set<ProgramType>([
  ...(['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint', 'raw_tracepoint_writable'] as const),
  ...(['tracing', 'lsm', 'struct_ops', 'ext'] as const),
])

/** kernel/bpf/syscall.c: is_net_admin_prog_type. */
const netAdminPrograms: ReadonlySet<ProgramType> = /* @__PURE__ */ new Set<ProgramType>([
  ...(['sched_cls', 'sched_act', 'xdp', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'] as const),
  ...(['sk_skb', 'sk_msg', 'flow_dissector', 'cgroup_device', 'cgroup_sock', 'cgroup_sock_addr'] as const),
  ...(['cgroup_sockopt', 'cgroup_sysctl', 'sock_ops', 'ext', 'netfilter'] as const),
])

/** kernel/bpf/syscall.c: map_create. */
const netAdminMaps: ReadonlySet<string> = /* @__PURE__ */ new Set<MapType>([
  ...(['sockmap', 'sockhash', 'devmap', 'devmap_hash', 'xskmap'] as const),
])

/** What loading a program of a type takes; who has CAP_SYS_ADMIN has all. */
export function toLoad(type: ProgramType): CapabilityName[] {
  return [
    'BPF',
    ...(perfmonPrograms.has(type) ? (['PERFMON'] as const) : []),
    ...(netAdminPrograms.has(type) ? (['NET_ADMIN'] as const) : []),
  ]
}

/** What creating a map of a type takes. */
export function toCreate(type: string): CapabilityName[] {
  return netAdminMaps.has(type) ? ['BPF', 'NET_ADMIN'] : ['BPF']
}
