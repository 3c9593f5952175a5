import { address, at, clearAttr, put64, putText, u32 } from './arena.ts'
import {
  progBindMap as bindAt,
  command,
  progLoad as loadAt,
  testRun as runAt,
  enableStats as statsAt,
  progStreamRead as streamAt,
} from './attr.generated.ts'
import { EAGAIN } from './errno.ts'
import { bpf } from './gate.ts'
import { type LogBuffer, type Logged, withLog } from './kernel-log.ts'
import { addressOf, holding } from './memory.ts'
import { withPermission } from './token.ts'

/** Records of .BTF.ext as the kernel takes them. */
export interface InfoRecords {
  /** Bytes of one record. */
  readonly recordSize: number
  readonly bytes: Uint8Array
}

export interface ProgLoadOptions {
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  /** 8 bytes an instruction, in the byte order of the host. */
  readonly instructions: Uint8Array
  /** `'GPL'`, `'Dual BSD/GPL'`, ... decides which helpers may be called. */
  readonly license: string
  /** At most 15 bytes of letters, digits, `_` and `.`; a longer one is cut. Linux 4.15. */
  readonly name?: string
  /** BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS, ... */
  readonly flags?: number
  /** BPF_* of enum bpf_attach_type. */
  readonly expectedAttachType?: number
  readonly btfFd?: number
  readonly functionInfo?: InfoRecords
  readonly lineInfo?: InfoRecords
  /** fentry, LSM, struct_ops, ...: a type of the kernel's BTF, or of the program or module below. */
  readonly attachBtfId?: number
  /** A program (freplace), or the BTF of a module: the kernel tells them apart. */
  readonly attachFd?: number
  readonly ifindex?: number
  /** kprobes before Linux 5.0 want LINUX_VERSION_CODE. */
  readonly kernelVersion?: number
  /** Descriptors (32 bits each) that instructions refer to by index. Linux 5.14. */
  readonly fdArray?: Uint8Array
}

const loadSize = loadAt.prog_token_fd + 4
const tokenField = { fd: loadAt.prog_token_fd, flags: loadAt.prog_flags }
const nameLimit = 16
/** The kernel takes 127 bytes (kernel/bpf/syscall.c: bpf_prog_load). */
const licenseLimit = 128

/** BPF_PROG_LOAD; the result is a descriptor. -ENOSPC with a log that is too small: the program may be right. */
export function progLoad(options: ProgLoadOptions, log?: LogBuffer): number {
  return holding([options, log], () => {
    putProgram(options)
    if (log !== undefined) {
      u32[loadAt.log_level >> 2] = log.level
      u32[loadAt.log_size >> 2] = log.bytes.length
      put64(loadAt.log_buf, addressOf(log.bytes))
    }
    return retried(command.BPF_PROG_LOAD, loadSize)
  })
}

function putProgram(options: ProgLoadOptions): void {
  clearAttr(loadSize)
  u32[loadAt.prog_type >> 2] = options.type
  u32[loadAt.insn_cnt >> 2] = options.instructions.length / 8
  put64(loadAt.insns, addressOf(options.instructions))
  putText(at.name, options.license.slice(0, licenseLimit - 1), licenseLimit)
  put64(loadAt.license, address(at.name))
  u32[loadAt.kern_version >> 2] = options.kernelVersion ?? 0
  u32[loadAt.prog_flags >> 2] = options.flags ?? 0
  if (options.name !== undefined) putText(loadAt.prog_name, options.name.slice(0, nameLimit - 1), nameLimit)
  u32[loadAt.prog_ifindex >> 2] = options.ifindex ?? 0
  u32[loadAt.expected_attach_type >> 2] = options.expectedAttachType ?? 0
  u32[loadAt.prog_btf_fd >> 2] = options.btfFd ?? 0
  putRecords(options.functionInfo, loadAt.func_info, loadAt.func_info_rec_size, loadAt.func_info_cnt)
  putRecords(options.lineInfo, loadAt.line_info, loadAt.line_info_rec_size, loadAt.line_info_cnt)
  u32[loadAt.attach_btf_id >> 2] = options.attachBtfId ?? 0
  u32[loadAt.attach_prog_fd >> 2] = options.attachFd ?? 0
  put64(loadAt.fd_array, addressOf(options.fdArray))
}

function putRecords(records: InfoRecords | undefined, pointer: number, size: number, count: number): void {
  if (records === undefined || records.bytes.length === 0) return
  put64(pointer, addressOf(records.bytes))
  u32[size >> 2] = records.recordSize
  u32[count >> 2] = records.bytes.length / records.recordSize
}

/** The verifier gives up with EAGAIN when a signal arrives, and node's profiler sends many. */
function retried(cmd: number, size: number): number {
  let result = withPermission(cmd, size, tokenField)
  for (let tries = 1; tries < 5 && result === EAGAIN; tries++) result = withPermission(cmd, size, tokenField)
  return result
}

/** Loads with a log, and as much room for it as it takes. */
export function progLoadLogged(options: ProgLoadOptions, level = 1): Logged {
  return withLog(log => ({ result: progLoad(options, log), wanted: u32[loadAt.log_true_size >> 2]! }), level)
}

export interface TestRunOptions {
  readonly dataIn?: Uint8Array
  /** Filled with what the program left of its data; {@link TestRun.dataSize} bytes of it count. */
  readonly dataOut?: Uint8Array
  readonly contextIn?: Uint8Array
  readonly contextOut?: Uint8Array
  /** How often; 0 is once. */
  readonly repeat?: number
  /** BPF_F_TEST_RUN_ON_CPU (raw tracepoints), ... */
  readonly flags?: number
  readonly cpu?: number
  readonly batchSize?: number
}

/** What the program returned and how long it ran. */
export interface TestRun {
  readonly result: number
  readonly returnValue: number
  /** Nanoseconds of one run, on average. */
  readonly duration: number
  readonly dataSize: number
  readonly contextSize: number
}

/** BPF_PROG_TEST_RUN; `result` is 0 or a negative errno. Linux 4.12, SYSCALL programs 5.14. */
export function progTestRun(fd: number, options: TestRunOptions = {}): TestRun {
  const result = holding(options, () => {
    clearAttr(runAt.size_)
    u32[runAt.prog_fd >> 2] = fd
    u32[runAt.data_size_in >> 2] = options.dataIn?.length ?? 0
    u32[runAt.data_size_out >> 2] = options.dataOut?.length ?? 0
    put64(runAt.data_in, addressOf(options.dataIn))
    put64(runAt.data_out, addressOf(options.dataOut))
    u32[runAt.repeat >> 2] = options.repeat ?? 0
    u32[runAt.ctx_size_in >> 2] = options.contextIn?.length ?? 0
    u32[runAt.ctx_size_out >> 2] = options.contextOut?.length ?? 0
    put64(runAt.ctx_in, addressOf(options.contextIn))
    put64(runAt.ctx_out, addressOf(options.contextOut))
    u32[runAt.flags >> 2] = options.flags ?? 0
    u32[runAt.cpu >> 2] = options.cpu ?? 0
    u32[runAt.batch_size >> 2] = options.batchSize ?? 0
    return bpf(command.BPF_PROG_TEST_RUN, runAt.size_)
  })
  return {
    result,
    returnValue: u32[runAt.retval >> 2]!,
    duration: u32[runAt.duration >> 2]!,
    dataSize: u32[runAt.data_size_out >> 2]!,
    contextSize: u32[runAt.ctx_size_out >> 2]!,
  }
}

/** BPF_PROG_BIND_MAP: the program holds the map, though it does not use it. Linux 5.10. */
export function progBindMap(fd: number, mapFd: number): number {
  clearAttr(bindAt.size_)
  u32[bindAt.prog_fd >> 2] = fd
  u32[bindAt.map_fd >> 2] = mapFd
  return bpf(command.BPF_PROG_BIND_MAP, bindAt.size_)
}

/** BPF_ENABLE_STATS for run times: a descriptor that keeps it on. Linux 5.8. */
export function enableRunStats(): number {
  const BPF_STATS_RUN_TIME = 0
  u32[statsAt.type >> 2] = BPF_STATS_RUN_TIME
  return bpf(command.BPF_ENABLE_STATS, statsAt.size_)
}

/** BPF_STDOUT and BPF_STDERR (include/uapi/linux/bpf.h: enum bpf_stream_id). */
export const streamId = { stdout: 1, stderr: 2 } as const

/** BPF_PROG_STREAM_READ_BY_FD: takes what is in a program's stream out of it; the result is the number of bytes. Linux 6.17. */
export function progStreamRead(fd: number, stream: number, bytes: Uint8Array): number {
  return holding(bytes, () => {
    clearAttr(streamAt.size_)
    put64(streamAt.stream_buf, addressOf(bytes))
    u32[streamAt.stream_buf_len >> 2] = bytes.length
    u32[streamAt.stream_id >> 2] = stream
    u32[streamAt.prog_fd >> 2] = fd
    return bpf(command.BPF_PROG_STREAM_READ_BY_FD, streamAt.size_)
  })
}
