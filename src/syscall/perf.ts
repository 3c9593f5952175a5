import { address, at, clearResult, put64, putText, u8, u32 } from './arena.ts'
import { perfEventAttr as attr } from './attr.generated.ts'
import { ENAMETOOLONG } from './errno.ts'
import { call3, call6 } from './gate.ts'

export interface PerfEventOptions {
  /** PERF_TYPE_*, or the number of a dynamic source from /sys/bus/event_source/devices/NAME/type. */
  readonly type: number
  /** For tracepoints the id from tracefs. */
  readonly config: number | bigint
  /** An overflow every so many events. */
  readonly samplePeriod?: number | bigint
  /** So many overflows a second; instead of a period. */
  readonly sampleFrequency?: number
  /** PERF_SAMPLE_*. */
  readonly sampleType?: number | bigint
  readonly wakeupEvents?: number
  /** kprobe and uprobe sources: the function or the path, and where in it. */
  readonly probe?: { readonly name: string; readonly offset: number | bigint }
  /** -1: every process. */
  readonly pid: number
  /** -1: every CPU. Not both. */
  readonly cpu: number
}

const PERF_FLAG_FD_CLOEXEC = 8
/** PERF_ATTR_SIZE_VER5: what every kernel since 4.1 takes, and all that is used here. */
const attrSize = 112
/** attr.freq, bit 2 of the byte that it is in. */
const FREQ = 1 << 2
const probeLimit = 4096

/** perf_event_open(2); the event counts from now on. */
export function perfEventOpen(options: PerfEventOptions): number {
  clearResult(attr.size_)
  u32[(at.result + attr.type) >> 2] = options.type
  u32[(at.result + attr.size) >> 2] = attrSize
  put64(at.result + attr.config, options.config)
  put64(at.result + attr.sample_period, options.sampleFrequency ?? options.samplePeriod ?? 0)
  if (options.sampleFrequency !== undefined) u8[at.result + attr.freq]! |= FREQ
  put64(at.result + attr.sample_type, options.sampleType ?? 0)
  u32[(at.result + attr.wakeup_events) >> 2] = options.wakeupEvents ?? 0
  if (options.probe !== undefined) {
    if (putText(at.name, options.probe.name, probeLimit) < 0) return ENAMETOOLONG
    put64(at.result + attr.config1, address(at.name))
    put64(at.result + attr.config2, options.probe.offset)
  }
  return call6('perf_event_open', address(at.result), options.pid, options.cpu, -1, PERF_FLAG_FD_CLOEXEC, 0)
}

/** PERF_EVENT_IOC_* (include/uapi/linux/perf_event.h). */
const request = { ENABLE: 0x2400, DISABLE: 0x2401, SET_BPF: 0x4004_2408 } as const

export function perfEventEnable(fd: number): number {
  return call3('ioctl', fd, request.ENABLE, 0)
}

export function perfEventDisable(fd: number): number {
  return call3('ioctl', fd, request.DISABLE, 0)
}

/** Runs a program on the event without a link: it cannot be pinned, and goes with the descriptor. */
export function perfEventSetBpf(fd: number, progFd: number): number {
  return call3('ioctl', fd, request.SET_BPF, progFd)
}
