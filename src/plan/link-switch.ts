import type { LinkFamily } from '../spec/sections.ts'
import type { Target } from '../spec/target-forms.ts'

/** What becomes of a link. */
export type LinkAction =
  /** It stays as it is, and runs what it ran. */
  | 'keep'
  /** The same link runs the new program from one event to the next. */
  | 'update'
  /** A new link is made before the old one goes. */
  | 'overlap'
  /** The old link must go before a new one can be made. */
  | 'gap'
  /** A link where there was none, or a dead one. */
  | 'attach'
  /** The object has none of that name any more: it goes, last of all. */
  | 'detach'

/**
 * How the links of a family get another program: by BPF_LINK_UPDATE, by a second link beside the first, or only after
 * the first is gone. (The update_prog of each bpf_link_ops in the kernel: kernel/bpf/cgroup.c, net_namespace.c, tcx.c,
 * bpf_iter.c, net/core/dev.c, net/core/sock_map.c since Linux 6.10, drivers/net/netkit.c.)
 */
export const familySwitch: Readonly<Record<LinkFamily, 'update' | 'overlap' | 'gap'>> = {
  cgroup: 'update',
  lsm_cgroup: 'update',
  netns: 'update',
  tcx: 'update',
  netkit: 'update',
  xdp: 'update',
  iter: 'update',
  sockmap: 'update',
  raw_tracepoint: 'overlap',
  tracing: 'overlap',
  tracing_multi: 'overlap',
  tracepoint: 'overlap',
  perf_event: 'overlap',
  kprobe: 'overlap',
  kprobe_multi: 'overlap',
  ksyscall: 'overlap',
  uprobe: 'overlap',
  uprobe_multi: 'overlap',
  usdt: 'overlap',
  netfilter: 'overlap',
  freplace: 'gap',
  struct_ops: 'gap',
}

/** Structs whose subsystem can put another in the place of one, of the same name (net/ipv4/bpf_tcp_ca.c: bpf_tcp_ca_update). */
const updatable: ReadonlySet<string> = /* @__PURE__ */ new Set(['tcp_congestion_ops'])

/** The same of what a struct_ops map registers; what has another name is another target, and stands beside the first. */
export function opsSwitch(target: Target): 'update' | 'gap' {
  return 'structOps' in target && updatable.has(target.structOps) ? 'update' : 'gap'
}

/** A socket takes the programs that its map has when it is put in (net/core/sock_map.c: sock_map_link). */
export const socketPromise: string =
  'switched in place: no gap, no event twice; sockets that are in the map go on with the old program until they are put in again'

/** What a switch promises about events, for people. */
export const promises: Readonly<Record<LinkAction, string>> = {
  keep: 'is not touched',
  update: 'switched in place: no gap, no event twice',
  overlap: 'the new one is attached before the old one goes: no gap, events in between run both',
  gap: 'the old one must go before the new one can be attached: events in between run none',
  attach: 'attached anew',
  detach: 'detached, last of all',
}
