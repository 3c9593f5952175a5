import { BpfError } from '../errors.ts'
import { attachProgram, type BpfLink, type MapsByName } from '../link/index.ts'
import { programTypeName } from '../spec/kernel.ts'
import type { ProgramSpec } from '../spec/types.ts'
import {
  closeFd,
  ENOSPC,
  type ProgInfo,
  progInfo,
  progStreamRead,
  progTestRun,
  streamId,
  systemError,
} from '../syscall/index.ts'
import type { ProgramStats } from './run-statistics.ts'

/** What a live program is made from. */
export interface ProgramInit {
  readonly name: string
  /** The descriptor, which the program owns from now on. */
  readonly fd: number
  /** What the object says of it, where there is an object. */
  readonly spec?: ProgramSpec | undefined
  /** Where the maps are looked for that its targets name, where there is an object. */
  readonly maps?: MapsByName | undefined
  /** What the verifier wrote when it was loaded, if it was asked to. */
  readonly log?: string | undefined
}

export interface AttachOptions {
  /** Which of the program's `targets`; without one its `target`, or what its section name says. */
  readonly label?: string | undefined
}

/** What a program is run on: which of it the program takes depends on its type. */
export interface RunInput {
  /** The packet, from its first header on; programs for packets need one of 14 bytes or more. */
  readonly data?: Uint8Array
  /** The context: `struct __sk_buff`, `struct xdp_md`, the arguments of a raw tracepoint, what a SYSCALL program reads. */
  readonly context?: Uint8Array
  /** How often; only programs for packets and the like take more than once. */
  readonly repeat?: number
  /** On which CPU; only raw tracepoints. */
  readonly cpu?: number
  /** Room for the packet that the program leaves, in bytes; default 256 more than it was given. */
  readonly roomForData?: number
}

/** What a run came to. */
export interface RunResult {
  readonly returnValue: number
  /** The packet as the program left it; empty for programs that take none. */
  readonly data: Uint8Array
  /** The context as the program left it; empty where none was given. */
  readonly context: Uint8Array
  /** Nanoseconds of one run, on average; 0 where the kernel does not measure it. */
  readonly durationNs: number
}

/** BPF_F_TEST_RUN_ON_CPU, include/uapi/linux/bpf.h */
const onCpu = 1
const spareData = 256
const streamPiece = 1 << 14
const mostOfStream = 1 << 20
/** Program types that take their context in place of giving a new one back (net/bpf/test_run.c, kernel/bpf/syscall.c). */
const contextInPlace: ReadonlySet<string> = /* @__PURE__ */ new Set(['syscall'])
/** Those that give a context back. */
const contextOut: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['xdp', 'sched_cls', 'sched_act', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'],
  ...['flow_dissector', 'sk_lookup', 'socket_filter'],
])

/** More runs than asked for would not end. */
function mustBeCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= 0x7fffffff) return
  throw new BpfError(`${name}: ${String(count)} is no number from 0 to 2147483647`, { code: 'ERR_VALUE' })
}

function mustBeBytes(name: string, bytes: Uint8Array | undefined): void {
  if (bytes === undefined || bytes instanceof Uint8Array) return
  throw new BpfError(`${name}: ${typeof bytes} is no Uint8Array`, { code: 'ERR_VALUE' })
}

/** A program that the kernel holds, and a descriptor of it. */
export class BpfProgram {
  /** Name in the object. */
  readonly name: string
  /** Where to attach it, and how its link is pinned; `undefined` for a program that was opened without its object. */
  readonly spec: ProgramSpec | undefined
  /** What the verifier wrote while this process loaded it, if `logLevel` in its spec asked for it; else empty. */
  readonly verifierLog: string
  readonly #maps: MapsByName | undefined
  #fd: number
  #onAttach: ((link: BpfLink) => void) | undefined

  constructor({ name, fd, spec, maps, log }: ProgramInit) {
    this.name = name
    this.spec = spec
    this.verifierLog = log ?? ''
    this.#maps = maps
    this.#fd = fd
  }

  /** @throws BpfError `ERR_CLOSED` after {@link close}. */
  get fd(): number {
    if (this.#fd < 0) throw new BpfError(`program '${this.name}' is closed`, { code: 'ERR_CLOSED' })
    return this.#fd
  }

  /** The kernel's number for the program. */
  get id(): number {
    return this.info().id
  }

  /** Program type by its kernel name: `'tracing'`. */
  get type(): string {
    return programTypeName(this.info().type)
  }

  /** What the kernel says of the program. */
  info(): ProgInfo {
    const info = progInfo(this.fd)
    if (typeof info !== 'number') return info
    throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
      doing: `reading information about program '${this.name}'`,
    })
  }

  /** How often it ran while somebody had runs counted ({@link enableStats}, `kernel.bpf_stats_enabled`). Linux 5.1. */
  stats(): ProgramStats {
    const { runCount, runTimeNs, recursionMisses } = this.info()
    return { runs: runCount, timeNs: runTimeNs, misses: recursionMisses }
  }

  /**
   * Attaches it where its section name or its target says. The link of a program that belongs to an object is one of the
   * object's `links`, as if `object.attach()` had made it: pinned by its `pin()`, and closed with it. Any other is the
   * caller's to close.
   *
   * @throws BpfError `ERR_NO_TARGET` where neither says, `ERR_VALUE` for a target that is none for this program, else
   * with the kernel's errno.
   */
  attach({ label }: AttachOptions = {}): BpfLink {
    if (!this.spec) {
      throw new BpfError(
        `program '${this.name}' was opened without its object, which says where to attach it`,
        {
          code: 'ERR_NO_TARGET',
        },
      )
    }
    const link = attachProgram({ spec: this.spec, fd: this.fd, maps: this.#maps }, label)
    this.#onAttach?.(link)
    return link
  }

  /** @internal Tells the object that has the program of each link that {@link attach} makes from now on. */
  onAttach(tell: (link: BpfLink) => void): void {
    this.#onAttach = tell
  }

  /**
   * Runs it once, or as often as asked, without attaching it (BPF_PROG_TEST_RUN): for tests of programs. Maps that it
   * writes to are really written.
   *
   * What a program returns is read as an unsigned number, as the kernel gives it: `returnValue | 0` is the signed one.
   *
   * @throws BpfError `ERR_VALUE` for a number that is none; with the kernel's errno: ENOTSUPP for types of programs that cannot be run, EINVAL for input that
   * the type does not take. Linux 4.12; raw tracepoints 5.10, SYSCALL programs 5.14.
   * @example program.run({ data: packet }).returnValue // XDP_PASS is 2
   */
  run({ data, context, repeat = 0, cpu, roomForData }: RunInput = {}): RunResult {
    mustBeCount('repeat', repeat)
    mustBeCount('cpu', cpu ?? 0)
    mustBeCount('roomForData', roomForData ?? 0)
    mustBeBytes('data', data)
    mustBeBytes('context', context)
    const type = this.type
    const isInPlace = contextInPlace.has(type)
    const dataOut = data && new Uint8Array(roomForData ?? data.length + spareData)
    // the kernel writes to the caller's bytes
    const contextIn = context && isInPlace ? context.slice() : context
    const contextBack = context && contextOut.has(type) ? new Uint8Array(context.length) : undefined
    const ran = progTestRun(this.fd, {
      repeat,
      ...(data ? { dataIn: data } : {}),
      ...(dataOut ? { dataOut } : {}),
      ...(contextIn ? { contextIn } : {}),
      ...(contextBack ? { contextOut: contextBack } : {}),
      ...(cpu === undefined ? {} : { cpu, flags: onCpu }),
    })
    if (ran.result < 0) {
      const doing = `running program '${this.name}' (${type})`
      const hint =
        ran.result === ENOSPC
          ? `it left ${ran.dataSize} bytes of data: make room for them (roomForData)`
          : undefined
      throw systemError(ran.result, 'bpf(BPF_PROG_TEST_RUN)', { doing, hint })
    }
    return {
      returnValue: ran.returnValue,
      data: dataOut?.subarray(0, ran.dataSize) ?? new Uint8Array(0),
      context: (isInPlace ? contextIn : contextBack?.subarray(0, ran.contextSize)) ?? new Uint8Array(0),
      durationNs: ran.duration,
    }
  }

  /**
   * Takes what the program has written into one of its streams (bpf_stream_printk) since somebody last did; on stderr the kernel itself
   * says why it stopped the program, or which access to an arena failed. Never waits.
   *
   * @throws BpfError with the kernel's errno. Linux 6.17.
   */
  readStream(stream: 'stdout' | 'stderr'): Uint8Array {
    const pieces: Uint8Array[] = []
    for (;;) {
      const piece = new Uint8Array(streamPiece)
      const count = progStreamRead(this.fd, streamId[stream], piece)
      if (count < 0) {
        const doing = `reading the ${stream} of program '${this.name}'`
        throw systemError(count, 'bpf(BPF_PROG_STREAM_READ_BY_FD)', { doing, since: '6.17' })
      }
      pieces.push(piece.subarray(0, count))
      // a stream holds 100 kB at most (kernel/bpf/stream.c: BPF_STREAM_MAX_CAPACITY)
      if (count < piece.length || pieces.length * streamPiece > mostOfStream) return Buffer.concat(pieces)
    }
  }

  /** Closes the descriptor; the program lives on while a pin or link holds it. A second time does nothing. */
  close(): void {
    if (this.#fd < 0) return
    closeFd(this.#fd)
    this.#fd = -1
  }

  /** @internal Closes its descriptor and goes on as another program, which is closed by that. */
  become(other: BpfProgram): void {
    this.close()
    this.#fd = other.#fd
    other.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
