import { address, at, clearResult, get53, get64, getFileName, i32, listLength, put64, u32 } from './arena.ts'
import { linkType, linkInfo as offsets, perfEventType } from './attr.generated.ts'
import { infoByFd } from './bpf-object.ts'
import { E2BIG } from './errno.ts'

interface CommonLinkInfo {
  /** BPF_LINK_TYPE_*. */
  readonly type: number
  readonly id: number
  /** 0 for struct_ops, whose programs are in its map. */
  readonly progId: number
}

/** struct bpf_link_info, of which the part that fits the type. What the running kernel does not tell is 0 or empty. */
export type LinkInfo = CommonLinkInfo & LinkTarget

/** What the link is attached to, as far as the kernel says. */
export type LinkTarget =
  | { readonly kind: 'raw_tracepoint'; readonly name: string; readonly cookie: number | bigint }
  | {
      readonly kind: 'tracing'
      readonly attachType: number
      /** Of the BTF or program that the type is in. */
      readonly targetObjId: number
      readonly targetBtfId: number
      readonly cookie: number | bigint
    }
  /** `cgroupId` 0: the cgroup is gone, and the link with it. */
  | { readonly kind: 'cgroup'; readonly cgroupId: number | bigint; readonly attachType: number }
  | { readonly kind: 'iter'; readonly targetName: string; readonly mapId: number }
  /** 0: the network namespace is gone. */
  | { readonly kind: 'netns'; readonly netnsInode: number; readonly attachType: number }
  /** 0: the interface is gone. */
  | { readonly kind: 'xdp'; readonly ifindex: number }
  | { readonly kind: 'tcx' | 'netkit'; readonly ifindex: number; readonly attachType: number }
  | { readonly kind: 'struct_ops'; readonly mapId: number }
  | {
      readonly kind: 'netfilter'
      readonly protocolFamily: number
      readonly hook: number
      readonly priority: number
      readonly flags: number
    }
  | { readonly kind: 'kprobe_multi'; readonly count: number; readonly flags: number; readonly missed: number }
  | {
      readonly kind: 'uprobe_multi'
      readonly path: string
      readonly count: number
      readonly flags: number
      readonly pid: number
    }
  | { readonly kind: 'sockmap'; readonly mapId: number; readonly attachType: number }
  | ({ readonly kind: 'perf_event' } & PerfTarget)
  /** A type of a newer kernel. */
  | { readonly kind: 'unknown' }

/** Nothing before Linux 6.6. */
export type PerfTarget =
  | {
      readonly event: 'uprobe' | 'uretprobe'
      readonly path: string
      readonly offset: number
      readonly cookie: number | bigint
    }
  | {
      readonly event: 'kprobe' | 'kretprobe'
      readonly name: string
      readonly offset: number
      readonly address: number | bigint
      readonly missed: number
      readonly cookie: number | bigint
    }
  | { readonly event: 'tracepoint'; readonly name: string; readonly cookie: number | bigint }
  | {
      readonly event: 'event'
      readonly perfType: number
      readonly config: number | bigint
      readonly cookie: number | bigint
    }
  | { readonly event: 'unknown' }

/** What a link is, or a negative errno. Two calls where a name belongs to it. Linux 5.8. */
export function linkInfo(fd: number): LinkInfo | number {
  clearResult(offsets.size_)
  const result = infoByFd(fd, offsets.size_)
  if (result < 0) return result
  const common = { type: read32(offsets.type), id: read32(offsets.id), progId: read32(offsets.prog_id) }
  const asked = askForName(fd, common.type)
  return asked < 0 ? asked : { ...common, ...targetOf(common.type) }
}

/** The kernel copies a name to the address that it finds in the part of the link's own type, and to no other. */
function askForName(fd: number, type: number): number {
  switch (type) {
    case linkType.RAW_TRACEPOINT:
      return again(fd, offsets.raw_tracepoint.tp_name, offsets.raw_tracepoint.tp_name_len)
    case linkType.ITER:
      return again(fd, offsets.iter.target_name, offsets.iter.target_name_len)
    case linkType.UPROBE_MULTI:
      return again(fd, offsets.uprobe_multi.path, offsets.uprobe_multi.path_size)
    case linkType.PERF_EVENT:
      return askForPerfName(fd)
    default:
      return 0
  }
}

function askForPerfName(fd: number): number {
  switch (read32(offsets.perf_event.type)) {
    case perfEventType.UPROBE:
    case perfEventType.URETPROBE:
      return again(fd, offsets.perf_event.uprobe.file_name, offsets.perf_event.uprobe.name_len)
    case perfEventType.KPROBE:
    case perfEventType.KRETPROBE:
      return again(fd, offsets.perf_event.kprobe.func_name, offsets.perf_event.kprobe.name_len)
    case perfEventType.TRACEPOINT:
      return again(fd, offsets.perf_event.tracepoint.tp_name, offsets.perf_event.tracepoint.name_len)
    default:
      return 0
  }
}

/** PATH_MAX: with more the kernel refuses the path of a uprobe (kernel/trace/bpf_trace.c). */
const nameRoom = Math.min(listLength, 4096)

function again(fd: number, pointer: number, length: number): number {
  clearResult(offsets.size_)
  u32[at.list >> 2] = 0
  put64(at.result + pointer, address(at.list))
  u32[(at.result + length) >> 2] = nameRoom
  const result = infoByFd(fd, offsets.size_)
  if (result !== E2BIG) return result
  // the field of the name is behind all that an older kernel knows: that of uprobe_multi before Linux 6.8
  clearResult(offsets.size_)
  return infoByFd(fd, offsets.size_)
}

function targetOf(type: number): LinkTarget {
  switch (type) {
    case linkType.RAW_TRACEPOINT:
      return { kind: 'raw_tracepoint', name: name(), cookie: read64(offsets.raw_tracepoint.cookie) }
    case linkType.TRACING:
      return {
        kind: 'tracing',
        attachType: read32(offsets.tracing.attach_type),
        targetObjId: read32(offsets.tracing.target_obj_id),
        targetBtfId: read32(offsets.tracing.target_btf_id),
        cookie: read64(offsets.tracing.cookie),
      }
    case linkType.CGROUP:
      return {
        kind: 'cgroup',
        cgroupId: read64(offsets.cgroup.cgroup_id),
        attachType: read32(offsets.cgroup.attach_type),
      }
    case linkType.ITER:
      return { kind: 'iter', targetName: name(), mapId: read32(offsets.iter.map.map_id) }
    case linkType.NETNS:
      return {
        kind: 'netns',
        netnsInode: read32(offsets.netns.netns_ino),
        attachType: read32(offsets.netns.attach_type),
      }
    case linkType.XDP:
      return { kind: 'xdp', ifindex: read32(offsets.xdp.ifindex) }
    case linkType.TCX:
    case linkType.NETKIT: // the same layout
      return {
        kind: type === linkType.TCX ? 'tcx' : 'netkit',
        ifindex: read32(offsets.tcx.ifindex),
        attachType: read32(offsets.tcx.attach_type),
      }
    case linkType.STRUCT_OPS:
      return { kind: 'struct_ops', mapId: read32(offsets.struct_ops.map_id) }
    case linkType.SOCKMAP:
      return {
        kind: 'sockmap',
        mapId: read32(offsets.sockmap.map_id),
        attachType: read32(offsets.sockmap.attach_type),
      }
    default:
      return probeOf(type)
  }
}

function probeOf(type: number): LinkTarget {
  switch (type) {
    case linkType.NETFILTER:
      return {
        kind: 'netfilter',
        protocolFamily: read32(offsets.netfilter.pf),
        hook: read32(offsets.netfilter.hooknum),
        priority: i32[(at.result + offsets.netfilter.priority) >> 2]!,
        flags: read32(offsets.netfilter.flags),
      }
    case linkType.KPROBE_MULTI:
      return {
        kind: 'kprobe_multi',
        count: read32(offsets.kprobe_multi.count),
        flags: read32(offsets.kprobe_multi.flags),
        missed: get53(at.result + offsets.kprobe_multi.missed),
      }
    case linkType.UPROBE_MULTI:
      return {
        kind: 'uprobe_multi',
        path: name(),
        count: read32(offsets.uprobe_multi.count),
        flags: read32(offsets.uprobe_multi.flags),
        pid: read32(offsets.uprobe_multi.pid),
      }
    case linkType.PERF_EVENT:
      return { kind: 'perf_event', ...perfTarget(read32(offsets.perf_event.type)) }
    default:
      return { kind: 'unknown' }
  }
}

function perfTarget(type: number): PerfTarget {
  const { uprobe, kprobe, tracepoint, event } = offsets.perf_event
  switch (type) {
    case perfEventType.UPROBE:
    case perfEventType.URETPROBE:
      return {
        event: type === perfEventType.UPROBE ? 'uprobe' : 'uretprobe',
        path: name(),
        offset: read32(uprobe.offset),
        cookie: read64(uprobe.cookie),
      }
    case perfEventType.KPROBE:
    case perfEventType.KRETPROBE:
      return {
        event: type === perfEventType.KPROBE ? 'kprobe' : 'kretprobe',
        name: name(),
        offset: read32(kprobe.offset),
        address: read64(kprobe.addr),
        missed: get53(at.result + kprobe.missed),
        cookie: read64(kprobe.cookie),
      }
    case perfEventType.TRACEPOINT:
      return { event: 'tracepoint', name: name(), cookie: read64(tracepoint.cookie) }
    case perfEventType.EVENT:
      return {
        event: 'event',
        perfType: read32(event.type),
        config: read64(event.config),
        cookie: read64(event.cookie),
      }
    default:
      return { event: 'unknown' }
  }
}

function name(): string {
  return getFileName(at.list, nameRoom)
}

function read32(offset: number): number {
  return u32[(at.result + offset) >> 2]!
}

function read64(offset: number): number | bigint {
  return get64(at.result + offset)
}
