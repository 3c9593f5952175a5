/**
 * Where a program is attached: plain data, as it is kept in the manifest, so that an upgrade needs no target again.
 * Which form fits depends on the kind of program; most tracing programs name their hook in the section.
 */
export type Target = Targets[TargetKind]

/** The forms of targets, each by the one property that no other has. */
export interface Targets {
  readonly hook: HookTarget
  readonly function: FunctionTarget
  readonly functions: FunctionsTarget
  readonly syscall: SyscallTarget
  readonly usdt: UsdtTarget
  readonly binary: BinaryTarget
  readonly event: PerfEventTarget
  readonly cgroup: CgroupTarget
  readonly interface: InterfaceTarget
  readonly netns: NetnsTarget
  readonly netfilter: NetfilterTarget
  readonly map: MapTarget
  readonly program: ProgramTarget
  readonly iterator: IteratorTarget
  readonly structOps: StructOpsTarget
}

export type TargetKind = keyof Targets

/** A hook by its name, what follows the `/` of the section name: raw_tp, tp_btf, tracepoint, fentry, fexit, LSM. */
export interface HookTarget {
  /** `'sys_enter'`, `'sched/sched_switch'`, `'security_file_open'`. */
  readonly hook: string
}

/** A kernel function: kprobe, kretprobe. */
export interface FunctionTarget {
  readonly function: string
  /** Bytes from its start; where an instruction starts. Not for kretprobe. */
  readonly offset?: number
}

/** Several kernel functions by one link: kprobe.multi, kretprobe.multi, kprobe.session. */
export interface FunctionsTarget {
  /** Names, patterns with `*` and `?`, and addresses such as `'0xffffffff81234560'`. */
  readonly functions: string | readonly string[]
}

/** A system call, by the function of this machine's kernel that does it: ksyscall, kretsyscall. */
export interface SyscallTarget {
  /** Without any prefix: `'openat'`. */
  readonly syscall: string
}

/** A place in a program or library: uprobe, uretprobe, and their multi and session forms. */
export interface BinaryTarget {
  /** Its path, or its name, which is looked for as the shell looks for programs and the loader for libraries. */
  readonly binary: string
  /**
   * A function in it; `name@VERSION` for one version of it. The multi forms take patterns with `*` and `?`, and lists.
   */
  readonly symbol?: string | readonly string[]
  /** Bytes from the start of the symbol; without a symbol of the file. Only the multi forms take a list, of the file. */
  readonly offset?: number | readonly number[]
  /** Only in this process. */
  readonly pid?: number
}

/** A probe that the maker of a program or library put into it, at all its places there: usdt. */
export interface UsdtTarget {
  /** `'provider:name'`. */
  readonly usdt: string
  /** Its path, or its name, which is looked for as the shell looks for programs and the loader for libraries. */
  readonly binary: string
  /** Only in this process. */
  readonly pid?: number
}

/** An event of perf_event_open(2), whose every overflow runs the program: perf_event. One event, one CPU or process. */
export interface PerfEventTarget {
  /** As perf calls it, `'cpu-clock'`; else its source (a number, or a name of /sys/bus/event_source/devices) and config. */
  readonly event: PerfEventName | RawPerfEvent
  /** Overflow every so many events. */
  readonly period?: number
  /** Overflow so many times a second. */
  readonly frequency?: number
  /** Only on this CPU; every one if there is a process. */
  readonly cpu?: number
  /** Only this process; every one if there is a CPU. */
  readonly pid?: number
}

export interface RawPerfEvent {
  readonly source: number | string
  /** A string beyond 2^53: `'0x8000000000000001'`. */
  readonly config: number | string
}

/** Events with a name: `[PERF_TYPE, PERF_COUNT]` (include/uapi/linux/perf_event.h). */
export const perfEvents = {
  'cpu-cycles': [0, 0],
  instructions: [0, 1],
  'cache-references': [0, 2],
  'cache-misses': [0, 3],
  'branch-instructions': [0, 4],
  'branch-misses': [0, 5],
  'bus-cycles': [0, 6],
  'stalled-cycles-frontend': [0, 7],
  'stalled-cycles-backend': [0, 8],
  'ref-cycles': [0, 9],
  'cpu-clock': [1, 0],
  'task-clock': [1, 1],
  'page-faults': [1, 2],
  'context-switches': [1, 3],
  'cpu-migrations': [1, 4],
  'minor-faults': [1, 5],
  'major-faults': [1, 6],
  'alignment-faults': [1, 7],
  'emulation-faults': [1, 8],
  dummy: [1, 9],
  'bpf-output': [1, 10],
  'cgroup-switches': [1, 11],
} as const

export type PerfEventName = keyof typeof perfEvents

/** Where among the programs of one hook: in front of or behind another, or all others. Not both. */
export interface Order {
  readonly before?: Anchor | 'all'
  readonly after?: Anchor | 'all'
  /** The revision that the list of programs must have; it counts up with every change. Not kept in the manifest. */
  readonly revision?: number
}

/** A program or a link, by its id or by its pin. */
export type Anchor = { readonly program: number | string } | { readonly link: number | string }

/** A cgroup v2. `before` and `after`, which here name links, and `revision` since Linux 6.17. */
export interface CgroupTarget extends Order {
  /** Its directory. */
  readonly cgroup: string
  /** Run before programs of cgroups below, which else come first. Linux 6.15. */
  readonly preorder?: boolean
}

/** A network interface: XDP, tcx, netkit. `before`, `after` and `revision` are not for XDP, of which there is one. */
export interface InterfaceTarget extends Order {
  /** Name or index, in the network namespace of the process that attaches. A name finds an interface that was made anew. */
  readonly interface: string | number
  /** XDP: by the driver, by the kernel for any driver, or on the card. By default the driver, if it can. */
  readonly mode?: XdpMode
}

export type XdpMode = 'native' | 'generic' | 'offload'

/** A network namespace: sk_lookup, flow_dissector. */
export interface NetnsTarget {
  /** A file that stands for it: `/run/netns/NAME`, `/proc/PID/ns/net`. By default that of the process that attaches. */
  readonly netns: string
}

/** A hook of netfilter, in the network namespace of the process that attaches. */
export interface NetfilterTarget {
  readonly netfilter: NetfilterHook
  readonly family: 'ipv4' | 'ipv6'
  /** Lower runs first; there is one program of each. Default 0. */
  readonly priority?: number
  /** Hand the program whole packets: fragments are put together before. Linux 6.6. */
  readonly defrag?: boolean
}

export type NetfilterHook = 'pre_routing' | 'local_in' | 'forward' | 'local_out' | 'post_routing'

/** A sockmap or sockhash: sk_skb, sk_msg. */
export interface MapTarget {
  /** Its name in the object, or the absolute path of its pin. */
  readonly map: string
}

/**
 * A function of another BPF program: freplace, fentry, fexit. That of the program which is there when it is loaded: what takes
 * its place later, by an upgrade of its object, is another program.
 */
export interface ProgramTarget {
  /** Its id, the absolute path of its pin, or its name, if it is the only one of that name. */
  readonly program: number | string
  /** By default the one that the section names. */
  readonly function?: string
}

/** What an iterator walks over: by default all that there is. */
export interface IteratorTarget {
  /** As the section names it: `'task'`, `'bpf_map_elem'`. */
  readonly iterator: string
  /** The map whose elements: its name in the object, or the absolute path of its pin. */
  readonly map?: string
  /** One thread, or the threads of one process. Linux 6.1. */
  readonly tid?: number
  readonly pid?: number
  /** The cgroup where the walk starts, and how it goes on: by default down. Linux 6.1. */
  readonly cgroup?: string
  readonly walk?: CgroupWalk
}

/** A struct of functions of the kernel: struct_ops maps. The map says which; nothing else can be chosen. */
export interface StructOpsTarget {
  /** `'tcp_congestion_ops'`. */
  readonly structOps: string
  /** What it is known as, where the struct has a name in it. */
  readonly name?: string
}

export type CgroupWalk = 'self_only' | 'descendants_pre' | 'descendants_post' | 'ancestors_up'

/** In an order in which the first found says the kind: an iterator may have a map, a program a function, a probe a binary. */
const kinds: readonly TargetKind[] = [
  ...([
    'structOps',
    'iterator',
    'program',
    'hook',
    'function',
    'functions',
    'syscall',
    'usdt',
    'binary',
    'event',
  ] as const),
  ...(['cgroup', 'interface', 'netns', 'netfilter', 'map'] as const),
]

/** Which form a target has; `undefined` for none that this version knows, and for what is no object at all. */
export function targetKind(target: Target): TargetKind | undefined {
  if (typeof target !== 'object' || target === null) return undefined
  return kinds.find(kind => kind in target)
}

/** Is it a target of this form? */
export function isTarget<K extends TargetKind>(target: Target, kind: K): target is Targets[K] {
  return targetKind(target) === kind
}
