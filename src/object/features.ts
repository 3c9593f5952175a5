import { existsSync } from 'node:fs'
import type { BtfKind } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { Instructions, instructionSize } from '../spec/instructions.ts'
import {
  type AttachType,
  attachTypes,
  type MapType,
  mapTypes,
  type ProgramType,
  programTypes,
} from '../spec/kernel.ts'
import {
  btfLoad,
  closeFd,
  EACCES,
  EBADF,
  ENODEV,
  EPERM,
  ESRCH,
  errnoName,
  linkCreate,
  mapCreate,
  type ProgLoadOptions,
  perfEventOpen,
  progLoad,
  rawTracepointOpen,
  textOf,
} from '../syscall/index.ts'
import { kernelTypes } from './kernel-btf.ts'

/** What a kernel may have or lack that objects are made for. */
export interface Feature {
  /** As people call it: `'fentry'`. */
  readonly name: string
  /** What does not work where it is missing. */
  readonly stops: string
  /** The first kernel that has it, where it was built in: `'5.8'`. */
  readonly since: string
  /** What the kernel must be built with, or be told at its start, besides CONFIG_BPF_SYSCALL. */
  readonly needs?: string
}

/** `denied`: this process may not ask. */
export type Availability = 'yes' | 'no' | 'denied'

export interface FoundFeature extends Feature {
  readonly available: Availability
  /** What the kernel said where it is not available: the name of an errno. */
  readonly answer?: string
}

/** Asks the kernel; a result below 0 is its errno, anything else a descriptor, or nothing that has to be closed. */
type Probe = Feature & { readonly probe: () => number }

/**
 * What the running kernel has of the features that objects are most often made for. Each is tried: a map is made, a program loaded, a
 * link asked for at a place that does not exist. Nothing is attached to anything that runs, and all of it is gone again.
 *
 * @param mayAsk has the process the capabilities for all of it? Then "not permitted" is what the kernel says of the thing.
 */
export function probeFeatures(mayAsk: boolean): FoundFeature[] {
  return probes.map(({ probe, ...feature }) => {
    const result = probe()
    const answer = result < 0 ? { answer: errnoName(-result) } : {}
    return { ...feature, available: availability(result, mayAsk), ...answer }
  })
}

/** What probes answer for "there is no such thing": no kernel answers it to bpf(2). */
const absent = -38

function availability(result: number, mayAsk: boolean): Availability {
  if (result >= 0) return 'yes'
  return !mayAsk && (result === EPERM || result === EACCES) ? 'denied' : 'no'
}

const probes: readonly Probe[] = [
  {
    ...{ name: 'maps', stops: 'everything', since: '3.18' },
    probe: () => closed(makeMap('array')),
  },
  {
    ...{
      name: 'BTF of maps and programs',
      stops: 'types of pinned maps, variables, functions',
      since: '4.18',
    },
    probe: () => closed(btfLoad(smallBtf())),
  },
  {
    ...{ name: 'raw tracepoints', stops: 'SEC("raw_tp/...")', since: '4.17', needs: 'CONFIG_BPF_EVENTS' },
    probe: () => closed(loadProgram({ type: 'raw_tracepoint' })),
  },
  {
    ...{ name: 'fentry, fexit', stops: 'SEC("fentry/...") and SEC("fexit/...")', since: '5.5' },
    needs: 'CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS, CONFIG_DEBUG_INFO_BTF',
    probe: probeFentry,
  },
  {
    ...{ name: 'kprobes', stops: 'SEC("kprobe/...") and SEC("ksyscall/...")', since: '4.17' },
    needs: 'CONFIG_KPROBE_EVENTS',
    probe: () => closed(openProbe('kprobe', emptyFunction)),
  },
  {
    ...{ name: 'kprobe.multi', stops: 'SEC("kprobe.multi/...")', since: '5.18', needs: 'CONFIG_FPROBE' },
    probe: () =>
      linkRefused('kprobe', 'trace_kprobe_multi', ESRCH, {
        detail: { kind: 'kprobe_multi', functions: ['bpfpin_no_such_function'] },
      }),
  },
  {
    ...{ name: 'uprobes', stops: 'SEC("uprobe/...") and SEC("usdt/...")', since: '4.17' },
    needs: 'CONFIG_UPROBE_EVENTS',
    probe: () => closed(openProbe('uprobe', process.execPath)),
  },
  {
    ...{ name: 'uprobe.multi', stops: 'SEC("uprobe.multi/...")', since: '6.6', needs: 'CONFIG_UPROBES' },
    probe: () =>
      linkRefused('kprobe', 'trace_uprobe_multi', EBADF, {
        // a directory, which has no functions
        detail: { kind: 'uprobe_multi', path: '/', offsets: new BigUint64Array([8n]) },
      }),
  },
  {
    ...{ name: 'LSM programs', stops: 'SEC("lsm/...")', since: '5.7' },
    needs: "CONFIG_BPF_LSM and 'bpf' in lsm= of the kernel's command line",
    probe: () =>
      withKernelType('bpf_lsm_file_open', id => loadProgram({ type: 'lsm', attach: 'lsm_mac', id })),
  },
  {
    ...{ name: 'cgroup programs', stops: 'SEC("cgroup/...")', since: '4.10', needs: 'CONFIG_CGROUP_BPF' },
    probe: () => closed(loadProgram({ type: 'cgroup_skb', attach: 'cgroup_inet_egress' })),
  },
  {
    ...{ name: 'XDP', stops: 'SEC("xdp")', since: '4.8', needs: 'CONFIG_NET' },
    probe: () => closed(loadProgram({ type: 'xdp' })),
  },
  {
    ...{
      name: 'tcx',
      stops: 'SEC("tcx/...") and links of SEC("tc")',
      since: '6.6',
      needs: 'CONFIG_NET_XGRESS',
    },
    probe: () =>
      linkRefused('sched_cls', 'tcx_ingress', ENODEV, { target: noInterface, detail: { kind: 'tcx' } }),
  },
  {
    ...{ name: 'netfilter', stops: 'SEC("netfilter")', since: '6.4', needs: 'CONFIG_NETFILTER_BPF_LINK' },
    probe: () => closed(loadProgram({ type: 'netfilter', attach: 'netfilter', value: 1 })),
  },
  {
    ...{ name: 'struct_ops', stops: 'SEC("struct_ops/...")', since: '5.6', needs: 'CONFIG_BPF_JIT' },
    // what a map of them holds of TCP's, which all kernels with INET can take
    probe: () => (kernelTypeId('bpf_struct_ops_tcp_congestion_ops', 'struct') === undefined ? absent : 0),
  },
  {
    ...{ name: 'ring buffers', stops: 'maps of type ringbuf', since: '5.8' },
    probe: () => closed(makeMap('ringbuf', 4096)),
  },
  {
    ...{ name: 'arenas', stops: 'maps of type arena', since: '6.9', needs: 'CONFIG_MMU, 64 bits' },
    probe: () => closed(makeMap('arena', 1)),
  },
  {
    ...{
      name: 'SYSCALL programs',
      stops: 'exact sums during conversions: they fall back to user space',
      since: '5.14',
    },
    probe: () => closed(loadProgram({ type: 'syscall', flags: sleepable })),
  },
]

const sleepable = 0x10
/** No network has so many interfaces. */
const noInterface = 0x7fff_fffe
/** A function that only the kernel's own test runs call (net/bpf/test_run.c). */
const emptyFunction = 'bpf_fentry_test1'

interface Program {
  readonly type: ProgramType
  readonly attach?: AttachType
  readonly flags?: number
  /** What it returns. */
  readonly value?: number
  /** The type that it attaches to. */
  readonly id?: number
}

/** Loads `return value;`. */
function loadProgram({ type, attach, flags, value = 0, id }: Program): number {
  const code = new Instructions(new Uint8Array(2 * instructionSize), true)
  const BPF_MOV64_IMM = 0xb7
  const BPF_EXIT = 0x95
  code.setOpcode(0, BPF_MOV64_IMM)
  code.setImmediate(0, value)
  code.setOpcode(1, BPF_EXIT)
  const options: ProgLoadOptions = {
    ...{ type: programTypes[type], instructions: code.bytes, license: 'GPL', name: 'bpfpin_probe' },
    ...(attach === undefined ? {} : { expectedAttachType: attachTypes[attach] }),
    ...(flags === undefined ? {} : { flags }),
    ...(id === undefined ? {} : { attachBtfId: id }),
  }
  return progLoad(options)
}

function makeMap(type: MapType, maxEntries = 1): number {
  const hasEntries = type === 'array'
  const size = hasEntries ? 4 : 0
  const BPF_F_MMAPABLE = 1 << 10
  return mapCreate({
    ...{ type: mapTypes[type], keySize: size, valueSize: size, maxEntries, name: 'bpfpin_probe' },
    flags: type === 'arena' ? BPF_F_MMAPABLE : 0,
  })
}

/** A header, one type and its name: `int` (include/uapi/linux/btf.h). */
function smallBtf(): Uint8Array {
  const header = 24
  const int = [1, 0x0100_0000, 4, 32]
  const bytes = new Uint8Array(header + 4 * int.length + 5)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xeb9f, true)
  view.setUint8(2, 1)
  for (const [i, word] of [header, 0, 4 * int.length, 4 * int.length, 5, ...int].entries()) {
    view.setUint32(4 + 4 * i, word, true)
  }
  bytes.set(new TextEncoder().encode('\0int\0'), header + 4 * int.length)
  return bytes
}

function closed(result: number): number {
  if (result >= 0) closeFd(result)
  return result
}

/** Asks for a link at a place that does not exist: a kernel that knows such links says what is wrong with the place. */
function linkRefused(
  type: ProgramType,
  attach: AttachType,
  expected: number,
  how: Pick<Parameters<typeof linkCreate>[0], 'target' | 'detail'>,
): number {
  const program = loadProgram({ type, attach })
  if (program < 0) return program
  const result = closed(linkCreate({ fd: program, attachType: attachTypes[attach], ...how }))
  closeFd(program)
  return result === expected || result >= 0 ? 0 : result
}

function openProbe(source: 'kprobe' | 'uprobe', name: string): number {
  const path = `/sys/bus/event_source/devices/${source}/type`
  if (!existsSync(path)) return absent
  return perfEventOpen({
    type: Number(textOf(path)),
    config: 0,
    probe: { name, offset: 0 },
    pid: process.pid,
    cpu: -1,
  })
}

/** Attached for a moment to a function that nothing calls: that they load does not mean that they can be attached. */
function probeFentry(): number {
  return withKernelType(emptyFunction, id => {
    const program = loadProgram({ type: 'tracing', attach: 'trace_fentry', id })
    if (program < 0) return program
    const link = closed(rawTracepointOpen(null, program))
    closeFd(program)
    return link
  })
}

function withKernelType(name: string, probe: (id: number) => number): number {
  const id = kernelTypeId(name, 'func')
  return id === undefined ? absent : closed(probe(id))
}

/** `undefined` also where the kernel does not describe its types. */
function kernelTypeId(name: string, kind: BtfKind): number | undefined {
  try {
    for (const id of kernelTypes().idsOf(name, kind)) return id
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
  }
  return undefined
}
