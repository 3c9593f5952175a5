import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { attachTypes, linkTypes } from '../spec/kernel.ts'
import {
  allocate,
  EBUSY,
  type LinkInfo,
  mapDelete,
  mapLookup,
  mapUpdate,
  systemError,
} from '../syscall/index.ts'
import { createLink, type Family } from './family.ts'

const taken = 'one of that name is registered already'

/** A struct_ops map that holds its struct already: the kernel begins to call it. Linux 6.4. */
export const structOps: Family<'structOps'> = {
  kind: 'structOps',
  wants: 'a struct of the kernel, which its struct_ops map says',
  attach({ fd, doing }) {
    return createLink(
      { fd, attachType: attachTypes.struct_ops },
      {
        doing,
        since: '6.4',
        hints: {
          EEXIST: taken,
          EINVAL: 'a map without a struct in it, or one that is not for links: SEC(".struct_ops.link")',
        },
      },
    )
  },
}

/** Where a struct_ops map stands. */
export type OpsState =
  /** There is nothing in it yet. */
  | 'empty'
  /** The kernel has registered it, without a link. */
  | 'registered'
  /** It was registered without a link, and is no more; it cannot be again. */
  | 'removed'
  /** Its struct is in it, and links register it. */
  | 'ready'

/** kernel/bpf/bpf_struct_ops.c: enum bpf_struct_ops_state, the second word of a value. */
const states: readonly OpsState[] = ['empty', 'registered', 'removed', 'ready']

/** @param size of the map's value, in bytes */
export function opsState(fd: number, size: number): OpsState {
  const value = allocate(size)
  const result = mapLookup(fd, allocate(4), value)
  if (result < 0) {
    throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing: 'reading the state of a struct_ops map' })
  }
  return (
    states[new DataView(value.bytes.buffer, value.bytes.byteOffset).getUint32(4, machineIsLittleEndian)] ??
    'empty'
  )
}

/**
 * Puts the struct into a struct_ops map, with descriptors of the programs that it points to, which the map holds from now
 * on. One that is not for links is registered by that, until it is taken out again, whoever lives. A map gets its struct
 * once: where there is one in it already, this does nothing.
 *
 * @throws BpfError with the errno of the kernel's check of the struct.
 */
export function fillOpsMap(fd: number, bytes: Uint8Array, doing: string): void {
  const value = allocate(bytes.length)
  value.bytes.set(bytes)
  const result = mapUpdate(fd, allocate(4), value)
  if (result >= 0) return
  const state = result === EBUSY ? opsState(fd, bytes.length) : 'empty'
  if (state === 'ready' || state === 'registered') return
  const hint =
    state === 'removed'
      ? 'what was taken out cannot be registered again: load the object anew, or use SEC(".struct_ops.link")'
      : hints[result]
  throw systemError(result, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing, ...(hint ? { hint } : {}) })
}

const hints: Readonly<Record<number, string>> = {
  [-17]: taken,
  [-22]:
    'the subsystem refuses the struct: a function or a name that it needs is missing, or a value is out of range',
}

/** A struct_ops map that is registered without a link, as what a link would be. */
export class Registration {
  readonly #fd: number
  readonly #mapId: number
  readonly #size: number

  /** @param fd which stays the caller's */
  constructor(fd: number, mapId: number, size: number) {
    this.#fd = fd
    this.#mapId = mapId
    this.#size = size
  }

  get info(): LinkInfo {
    return { type: linkTypes.struct_ops, id: 0, progId: 0, kind: 'struct_ops', mapId: this.#mapId }
  }

  get isThere(): boolean {
    return opsState(this.#fd, this.#size) === 'registered'
  }

  /** Takes it out; what uses it goes on until it is done with it. */
  remove(): void {
    // what is not there any more need not be removed
    mapDelete(this.#fd, allocate(4))
  }
}
