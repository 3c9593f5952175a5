import { BpfError } from '../errors.ts'
import { linkTypeName } from '../spec/kernel.ts'
import type { Target } from '../spec/targets.ts'
import { closeFd, type LinkInfo, linkDetach, linkInfo, systemError } from '../syscall/index.ts'

/** What a live link is made from. */
export interface LinkInit {
  /** The descriptor, which the link owns from now on. */
  readonly fd: number
  /** Name in the object: that of its program. */
  readonly name: string
  readonly program: string
  /** Where it is attached, where that is known. */
  readonly target: Target | undefined
}

const EOPNOTSUPP = -95

/** What ties a program to its hook. It holds as long as a descriptor or a pin of it is there. */
export class BpfLink {
  readonly name: string
  /** Name of the program that it runs. */
  readonly program: string
  /** Where it is attached: `{ hook: 'sys_enter' }`; `undefined` where it is not known. */
  readonly target: Target | undefined
  #fd: number

  constructor({ fd, name, program, target }: LinkInit) {
    this.#fd = fd
    this.name = name
    this.program = program
    this.target = target
  }

  /** @throws BpfError `ERR_CLOSED` after {@link close}. */
  get fd(): number {
    if (this.#fd < 0) throw new BpfError(`link '${this.name}' is closed`, { code: 'ERR_CLOSED' })
    return this.#fd
  }

  get id(): number {
    return this.info().id
  }

  /** Link type by its kernel name: `'raw_tracepoint'`. */
  get type(): string {
    return linkTypeName(this.info().type)
  }

  /** What the kernel says of the link: partial for most types, nothing for perf events before Linux 6.6. */
  info(): LinkInfo {
    const info = linkInfo(this.fd)
    if (typeof info !== 'number') return info
    throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
      doing: `reading information about link '${this.name}'`,
    })
  }

  /** `false` once the cgroup, network namespace or interface that it was on is gone: the link does nothing any more. */
  get alive(): boolean {
    const info = this.info()
    switch (info.kind) {
      case 'cgroup':
        return info.cgroupId !== 0
      case 'netns':
        return info.netnsInode !== 0
      case 'xdp':
      case 'tcx':
      case 'netkit':
        return info.ifindex !== 0
      default:
        return true
    }
  }

  /**
   * Takes the program off its hook at once, whoever else holds the link. Links of tracepoints, perf events and tracing
   * programs cannot: they go with their last pin and descriptor. `false` for those.
   */
  detach(): boolean {
    const result = linkDetach(this.fd)
    if (result === EOPNOTSUPP) return false
    if (result < 0)
      throw systemError(result, 'bpf(BPF_LINK_DETACH)', { doing: `detaching link '${this.name}'` })
    return true
  }

  /** Closes the descriptor, and so detaches the program if nothing else holds the link. A second time does nothing. */
  close(): void {
    if (this.#fd < 0) return
    closeFd(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
