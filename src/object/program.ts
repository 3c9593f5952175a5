import { BpfError } from '../errors.ts'
import { attachProgram, type BpfLink, type MapsByName } from '../link/index.ts'
import { programTypeName } from '../spec/kernel.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { closeFd, type ProgInfo, progInfo, systemError } from '../syscall/index.ts'

/** What a live program is made from. */
export interface ProgramInit {
  readonly name: string
  /** The descriptor, which the program owns from now on. */
  readonly fd: number
  /** What the object says of it, where there is an object. */
  readonly spec?: ProgramSpec | undefined
  /** Where the maps are looked for that its targets name, where there is an object. */
  readonly maps?: MapsByName | undefined
}

export interface AttachOptions {
  /** Which of the program's `targets`; without one its `target`, or what its section name says. */
  readonly label?: string | undefined
}

/** A program that the kernel holds, and a descriptor of it. */
export class BpfProgram {
  /** Name in the object. */
  readonly name: string
  /** Where to attach it, and how its link is pinned; `undefined` for a program that was opened without its object. */
  readonly spec: ProgramSpec | undefined
  readonly #maps: MapsByName | undefined
  #fd: number

  constructor({ name, fd, spec, maps }: ProgramInit) {
    this.name = name
    this.spec = spec
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

  /**
   * Attaches it where its section name or its target says. The link is the caller's to close or to pin.
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
    return attachProgram({ spec: this.spec, fd: this.fd, maps: this.#maps }, label)
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
