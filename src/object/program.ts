import type { Btf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { attachProgram, type BpfLink, type MapsByName } from '../link/index.ts'
import { optionsOf } from '../options.ts'
import { programTypeName } from '../spec/kernel.ts'
import type { ProgramSpec } from '../spec/types.ts'
import {
  closeFd,
  type Keeper,
  type ProgInfo,
  progInfo,
  progStreamRead,
  streamId,
  systemError,
} from '../syscall/index.ts'
import { type RunInput, type RunResult, runProgram } from './run.ts'
import type { ContextFields } from './run-context.ts'
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
  /** The types of the object that it is from, when somebody asks. */
  readonly types?: (() => Btf | undefined) | undefined
  /** What the verifier wrote when it was loaded, if it was asked to. */
  readonly log?: string | undefined
}

export interface AttachOptions {
  /** Which of the program's `targets`; without one its `target`, or what its section name says. */
  readonly label?: string | undefined
}

const streamPiece = 1 << 14
const mostOfStream = 1 << 20
/** A program that the kernel holds, and a descriptor of it. */
export class BpfProgram {
  /** Name in the object. */
  readonly name: string
  /** Where to attach it, and how its link is pinned; `undefined` for a program that was opened without its object. */
  readonly spec: ProgramSpec | undefined
  /** What the verifier wrote while this process loaded it, if `logLevel` in its spec asked for it; else empty. */
  readonly verifierLog: string
  readonly #maps: MapsByName | undefined
  #types: (() => Btf | undefined) | undefined
  #fd: number
  #onAttach: ((link: BpfLink) => void) | undefined
  #keeper: Keeper | undefined

  constructor({ name, fd, spec, maps, types, log }: ProgramInit) {
    this.name = name
    this.spec = spec
    this.verifierLog = log ?? ''
    this.#maps = maps
    this.#types = types
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
  attach(options?: AttachOptions): BpfLink {
    const { label } = optionsOf(options, 'attach()')
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
   * A context that is given as an object comes back as one, by the struct that the program takes; fields that are not given are
   * zero. Of a raw tracepoint it is an array of arguments. What a program returns is read as an unsigned number, as the kernel
   * gives it: `returnValue | 0` is the signed one.
   *
   * @throws BpfError `ERR_VALUE` or `ERR_UNKNOWN_NAME` for input that does not fit, `ERR_UNSUPPORTED` for an object where the
   * struct is not known; with the kernel's errno: ENOTSUPP for types of programs that cannot be run, EINVAL for input that the
   * type does not take. Linux 4.12; raw tracepoints 5.10, SYSCALL programs 5.14.
   * @example program.run({ data: packet, context: { mark: 5 } }).context.mark
   */
  run(input?: RunInput<Uint8Array | readonly (number | bigint)[]>): RunResult
  run<Context extends object = ContextFields>(
    input: RunInput<Partial<Context>> & { readonly context: Partial<Context> },
  ): RunResult<Context>
  run(input?: RunInput): RunResult<unknown> {
    const { name, fd, type } = this
    return runProgram({ name, fd, type, btf: this.#types?.() }, optionsOf(input, 'run()'))
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

  get closed(): boolean {
    return this.#fd < 0
  }

  /** @internal Has its descriptor closed when it and all that belong to it were collected. */
  keptBy(keeper: Keeper): void {
    this.#keeper = keeper
  }

  /** Closes the descriptor; the program lives on while a pin or link holds it. A second time does nothing. */
  close(): void {
    if (this.#fd < 0) return
    this.#keeper?.closed(this.#fd)
    closeFd(this.#fd)
    this.#fd = -1
  }

  /** @internal Closes its descriptor and goes on as another program, which is closed by that. */
  become(other: BpfProgram): void {
    this.close()
    this.#fd = other.#fd
    this.#types = other.#types
    other.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
