import type { Readable } from 'node:stream'
import { BpfError } from '../errors.ts'
import { linkTypeName, linkTypes } from '../spec/kernel.ts'
import type { Target } from '../spec/targets.ts'
import { closeFd, EOPNOTSUPP, type LinkInfo, linkDetach, linkInfo, systemError } from '../syscall/index.ts'
import { isAttached } from './attached.ts'
import { readIterator } from './iterator-file.ts'
import type { Registration } from './struct-ops.ts'

/** What a live link is made from. */
export interface LinkInit {
  /** The descriptor, which the link owns from now on. */
  readonly fd: number
  /** Those of more links, where an older kernel needs several; owned as well. */
  readonly parts?: readonly number[] | undefined
  /** Name in the object: that of its program, and its label. */
  readonly name: string
  readonly program: string
  /** Where it is attached, where that is known. */
  readonly target: Target | undefined
  /** Why it cannot be pinned, if it cannot. */
  readonly unpinnable?: string | undefined
  /** What stands for a link: then the descriptor is one of a struct_ops map. */
  readonly registration?: Registration
}

/**
 * What ties a program to its hook. It holds as long as a descriptor or a pin of it is there. Before Linux 6.6 what is one
 * here may be several for the kernel: a USDT probe at several places. What is said of it is then said of the first.
 */
export class BpfLink {
  /** That of its program, with several links of one program `program~label`. */
  readonly name: string
  /** Name of the program that it runs; of a struct_ops link, that of its map. */
  readonly program: string
  /** Where it is attached: `{ hook: 'sys_enter' }`; `undefined` where it is not known. */
  readonly target: Target | undefined
  /**
   * Why it cannot be pinned: this kernel has no link for its hook, and the program stays there as long as this is open.
   * `undefined` for a link that can be pinned.
   */
  readonly unpinnable: string | undefined
  readonly #parts: readonly number[]
  readonly #registration: Registration | undefined
  #fd: number
  #wasDetached = false

  constructor({ fd, parts = [], name, program, target, unpinnable, registration }: LinkInit) {
    this.#fd = fd
    this.#parts = parts
    this.name = name
    this.program = program
    this.target = target
    this.unpinnable = unpinnable
    this.#registration = registration
  }

  /** @throws BpfError `ERR_CLOSED` after {@link close}. */
  get fd(): number {
    if (this.#fd < 0) throw new BpfError(`link '${this.name}' is closed`, { code: 'ERR_CLOSED' })
    return this.#fd
  }

  /** @internal Descriptors of what else belongs to it, where the kernel needs several links. */
  get parts(): readonly number[] {
    return this.closed ? [] : this.#parts
  }

  get closed(): boolean {
    return this.#fd < 0
  }

  /** The kernel's number for the link; 0 for what is {@link unpinnable}. */
  get id(): number {
    return this.info().id
  }

  /** Which of its program's `targets` it is attached to; `undefined` for its `target`. */
  get label(): string | undefined {
    return this.name === this.program ? undefined : this.name.slice(this.program.length + 1)
  }

  /** Link type by its kernel name: `'raw_tracepoint'`. */
  get type(): string {
    return linkTypeName(this.info().type)
  }

  /** What the kernel says of the link: partial for most types, nothing for perf events before Linux 6.6. */
  info(): LinkInfo {
    const { fd } = this
    if (this.#registration) return this.#registration.info
    if (this.unpinnable !== undefined) {
      return { type: linkTypes.perf_event, id: 0, progId: 0, kind: 'perf_event', event: 'unknown' }
    }
    const info = linkInfo(fd)
    if (typeof info !== 'number') return info
    throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
      doing: `reading information about link '${this.name}'`,
    })
  }

  /**
   * `false` once what it was on is gone, cgroup, network namespace, interface or process, or it was detached: the link
   * does nothing any more. Links of other kinds hold what they are on.
   */
  get alive(): boolean {
    const info = this.info()
    if (this.#registration) return this.#registration.isThere
    return !this.#wasDetached && isAttached(info, this.target)
  }

  /**
   * Takes the program off its hook at once, whoever else holds the link. Links of tracepoints, perf events, iterators and
   * tracing programs cannot: they go with their last pin and descriptor. `false` for those. Linux 5.9.
   */
  detach(): boolean {
    const { fd } = this
    if (this.#registration) {
      this.#registration.remove()
      return true
    }
    if (this.unpinnable !== undefined) return false
    const result = linkDetach(fd)
    if (result === EOPNOTSUPP) return false
    if (result < 0)
      throw systemError(result, 'bpf(BPF_LINK_DETACH)', { doing: `detaching link '${this.name}'` })
    this.#wasDetached = true
    return true
  }

  /**
   * Runs an iterator from start to end.
   *
   * @returns what its program wrote
   * @throws BpfError EINVAL for a link of any other kind, else with the errno with which the walk stopped.
   *
   * @example new TextDecoder().decode(object.links.get('dump_tasks').read())
   */
  read(): Uint8Array {
    return new Uint8Array(Buffer.concat([...readIterator(this.fd, this.name)]))
  }

  /** As {@link read}, bit by bit, for more than should be in memory at once. The link must be open until it ends. */
  stream(): Readable {
    // not imported, as few programs are iterators
    const { Readable } = process.getBuiltinModule('node:stream')
    return Readable.from(readIterator(this.fd, this.name), { objectMode: false })
  }

  /** Closes the descriptor, and so detaches the program if nothing else holds the link. A second time does nothing. */
  close(): void {
    if (this.#fd < 0) return
    this.#registration?.remove()
    for (const fd of [this.#fd, ...this.#parts]) closeFd(fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
