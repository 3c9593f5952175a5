import { BpfError } from '../errors.ts'
import { EINVAL, ENOSPC, ENOTSUPP, progTestRun, systemError } from '../syscall/index.ts'
import {
  argumentBytes,
  type ContextFields,
  type ContextForm,
  contextForm,
  type Typed,
} from './run-context.ts'

/** What a program is run on: which of it the program takes depends on its type. */
export interface RunInput<Context extends object = object> {
  /** The packet, from its first header on; programs for packets need one of 14 bytes or more. */
  readonly data?: Uint8Array
  /**
   * The context: `struct __sk_buff`, `struct xdp_md`, what a SYSCALL program reads, the arguments of a raw tracepoint. As bytes; as an
   * object with fields of the struct that the program takes, by its BTF, of which those that are not given are zero; for raw
   * tracepoints as an array of integers.
   */
  readonly context?: Context
  /** How often; only programs for packets and the like take more than once. */
  readonly repeat?: number
  /** On which CPU; only raw tracepoints. */
  readonly cpu?: number
  /** Room for the packet that the program leaves, in bytes; default 256 more than it was given. */
  readonly roomForData?: number
}

/** What a run came to. */
export interface RunResult<Context = Uint8Array> {
  readonly returnValue: number
  /** The packet as the program left it; empty for programs that take none. */
  readonly data: Uint8Array
  /** The context as the program left it, an object where it was given as one; as bytes, empty where there is none. */
  readonly context: Context
  /** Nanoseconds of one run, on average; 0 where the kernel does not measure it. */
  readonly durationNs: number
}

/** BPF_F_TEST_RUN_ON_CPU, include/uapi/linux/bpf.h */
const onCpu = 1
const spareData = 256
/** More than any struct that the kernel gives back: it refuses to give a part of one (net/bpf/test_run.c: bpf_ctx_finish). */
const roomForContext = 1024

/** Program types that the kernel runs on packets, and that give their context back (net/bpf/test_run.c). */
const onPackets: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['xdp', 'sched_cls', 'sched_act', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'],
  ...['flow_dissector', 'socket_filter'],
])
/** The other types that it runs, and since when. */
const others: Readonly<Record<string, string>> = {
  tracing: '5.7',
  raw_tracepoint: '5.10',
  raw_tracepoint_writable: '5.10',
  sk_lookup: '5.13',
  syscall: '5.14',
  struct_ops: '5.16',
  netfilter: '6.4',
}

/**
 * Runs a program by BPF_PROG_TEST_RUN.
 *
 * @throws BpfError `ERR_VALUE`, `ERR_UNKNOWN_NAME` or `ERR_UNSUPPORTED` for input that is none, else with the kernel's errno.
 */
export function runProgram(program: Typed & { readonly fd: number }, input: RunInput): RunResult<unknown> {
  const { type } = program
  const { data, repeat = 0, cpu, roomForData } = input
  mustBeCount('repeat', repeat)
  mustBeCount('cpu', cpu ?? 0)
  mustBeCount('roomForData', roomForData ?? 0)
  mustBeBytes('data', data)
  const { bytes: contextIn, form } = readContext(program, input)
  const dataOut = data && new Uint8Array(roomForData ?? data.length + spareData)
  const givesBack = contextIn !== undefined && (onPackets.has(type) || type === 'sk_lookup')
  const contextOut = givesBack ? new Uint8Array(Math.max(contextIn.length, roomForContext)) : undefined
  const ran = progTestRun(program.fd, {
    repeat,
    ...(data ? { dataIn: data } : {}),
    ...(dataOut ? { dataOut } : {}),
    ...(contextIn ? { contextIn } : {}),
    ...(contextOut ? { contextOut } : {}),
    ...(cpu === undefined ? {} : { cpu, flags: onCpu }),
  })
  if (ran.result < 0) throw refused(program, input, ran)
  const left = dataOut?.subarray(0, ran.dataSize) ?? new Uint8Array(0)
  // SYSCALL programs write to what they are given
  const back = type === 'syscall' ? contextIn : contextOut?.subarray(0, ran.contextSize)
  return {
    returnValue: ran.returnValue,
    data: left,
    // what a dissector is run on it leaves in place of a packet
    context: form
      ? form.decode(type === 'flow_dissector' ? left : (back ?? new Uint8Array(0)))
      : (back ?? new Uint8Array(0)),
    durationNs: ran.duration,
  }
}

interface GivenContext {
  /** Ours: the kernel may write to it. */
  readonly bytes: Uint8Array | undefined
  /** How it is read again, where it was given as an object. */
  readonly form?: ContextForm
}

function readContext(program: Typed, { context, data }: RunInput): GivenContext {
  if (context === undefined) return { bytes: undefined }
  if (context instanceof Uint8Array) return { bytes: context.slice() }
  const isArray = Array.isArray(context)
  if (isArray && program.type.startsWith('raw_tracepoint')) return { bytes: argumentBytes(context) }
  if (typeof context !== 'object' || context === null || isArray) {
    const given = isArray ? 'an array, which raw tracepoints take,' : String(context)
    throw new BpfError(`context: ${given} is neither bytes (a Uint8Array) nor an object`, {
      code: 'ERR_VALUE',
    })
  }
  const form = contextForm(program)
  // an object whose fields are looked for by the codec
  return { bytes: form.encode(context as ContextFields, data), form }
}

/** More runs than asked for would not end. */
function mustBeCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= 0x7fffffff) return
  throw new BpfError(`${name}: ${String(count)} is no number from 0 to 2147483647`, { code: 'ERR_VALUE' })
}

function mustBeBytes(name: string, bytes: Uint8Array | undefined): void {
  if (bytes === undefined || bytes instanceof Uint8Array) return
  throw new BpfError(`${name}: ${typeof bytes} is no Uint8Array`, { code: 'ERR_VALUE' })
}

function refused(
  { name, type }: Typed,
  input: RunInput,
  { result, dataSize }: { readonly result: number; readonly dataSize: number },
): BpfError {
  const hint =
    result === ENOTSUPP
      ? whyNever(type)
      : result === ENOSPC
        ? `it left ${dataSize} bytes of data: make room for them (roomForData)`
        : result === EINVAL
          ? whyNot(type, input)
          : undefined
  const doing = `running program '${name}' (${type})`
  return systemError(result, 'bpf(BPF_PROG_TEST_RUN)', { doing, hint })
}

function whyNever(type: string): string {
  const since = Object.hasOwn(others, type) ? others[type] : undefined
  if (since !== undefined) return `the kernel runs programs of this type since Linux ${since}`
  return `the kernel runs these types only: ${[...onPackets, ...Object.keys(others)].join(', ')}; others run where they are attached`
}

/** bytes of an Ethernet header, without which nothing is a packet for the kernel (net/bpf/test_run.c: bpf_test_init) */
const leastPacket = 14

/** What the kernel says no more of than EINVAL, as far as the input shows it. */
function whyNot(type: string, { data, context, repeat, cpu }: RunInput): string | undefined {
  if (cpu !== undefined && !type.startsWith('raw_tracepoint')) return 'only raw tracepoints take a CPU'
  if (onPackets.has(type)) {
    if ((data?.length ?? 0) < leastPacket)
      return `data is a packet of ${leastPacket} bytes or more, from its Ethernet header on`
    return context === undefined ? undefined : contextHint(type)
  }
  if (data) return `programs of type ${type} take no data, only a context`
  if (type === 'tracing') return 'of these the kernel runs those at bpf_fentry_test1 and its like'
  if (repeat && type !== 'sk_lookup') return `programs of type ${type} run once (repeat)`
  return 'the context has to be there, as large as what the program reads of it'
}

function contextHint(type: string): string | undefined {
  if (type === 'flow_dissector') return 'only flags may be set in the context'
  if (type === 'xdp')
    return 'data is how many bytes of metadata come first (a multiple of 4), data_end the length of data'
  return 'only these may be set: mark priority ingress_ifindex ifindex cb tstamp wire_len gso_segs gso_size hwtstamp'
}
