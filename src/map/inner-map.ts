import type { Btf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { closeFd, ENOENT, mapGetFdById, namedMapInfo, systemError } from '../syscall/index.ts'
import { kernelsBtf } from './kernels-btf.ts'
import { shapeOf } from './shape.ts'
import type { MapInit } from './types.ts'

const readOnlyFlag = 1 << 3 // BPF_F_RDONLY

/** A map that is in another one, opened by its id. */
export interface OpenedInner {
  readonly init: MapInit
  /** The BTF that its types are in, and the kernel's number of it: inner maps mostly share one. */
  readonly btfId: number
  readonly btf: Btf | undefined
}

/**
 * Opens the map that has an id, with the types that the kernel keeps of it.
 *
 * @param known the types of the one that was opened before
 * @returns `undefined` where there is no map of that id any more
 * @throws BpfError EPERM without CAP_SYS_ADMIN.
 */
export function openInner(
  id: number,
  outer: string,
  readOnly: boolean,
  known: OpenedInner | undefined,
): OpenedInner | undefined {
  const fd = mapGetFdById(id, readOnly ? readOnlyFlag : 0)
  if (fd === ENOENT) return undefined
  if (fd < 0) {
    throw systemError(fd, 'bpf(BPF_MAP_GET_FD_BY_ID)', {
      doing: `opening map ${id}, which is in map '${outer}'`,
    })
  }
  try {
    const info = namedMapInfo(fd)
    if (typeof info === 'number') {
      throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
        doing: `reading information about map ${id}, which is in map '${outer}'`,
      })
    }
    const { btfId, name } = info
    const btf = btfId === 0 ? undefined : known?.btfId === btfId ? known.btf : kernelsBtf(btfId)
    const types = btf && { btf, key: info.btfKeyTypeId, value: info.btfValueTypeId }
    return { init: { fd, name: name || `${outer}[]`, shape: shapeOf(info), types, id, readOnly }, btfId, btf }
  } catch (error) {
    closeFd(fd)
    throw error
  }
}

/** @throws BpfError `ERR_UNSUPPORTED` */
export function mustHoldMaps(name: string, type: string): void {
  if (type === 'array_of_maps' || type === 'hash_of_maps') return
  throw new BpfError(`map '${name}' is of type ${type}: there are no maps in it`, { code: 'ERR_UNSUPPORTED' })
}
