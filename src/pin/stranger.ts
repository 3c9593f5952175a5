import { resolve } from 'node:path'
import { type Btf, parseBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { BpfMap, shapeOf } from '../map/index.ts'
import { decodeName } from '../plan/names.ts'
import { btfBytes, btfGetFdById, closeFd } from '../syscall/index.ts'
import { openMapAt } from './open.ts'

/**
 * Opens one pinned map by its path, whoever pinned it, with the types that the kernel keeps of it.
 *
 * @throws BpfError ENOENT, `ERR_PIN_KIND`, EACCES
 */
export function openMapFile(file: string, readOnly: boolean): BpfMap {
  const path = resolve(file)
  const place = { kind: 'map', name: decodeName(path.slice(path.lastIndexOf('/') + 1)), path } as const
  const opened = openMapAt(place, undefined, { readOnly })
  if (!opened) {
    throw new BpfError(`opening map '${path}': ENOENT: nothing is pinned there`, {
      code: 'ENOENT',
      errno: 2,
      path,
    })
  }
  const { fd, info } = opened
  const btf = info.btfId === 0 ? undefined : kernelsBtf(info.btfId)
  const types = btf && { btf, key: info.btfKeyTypeId, value: info.btfValueTypeId }
  return new BpfMap({ fd, name: place.name, shape: shapeOf(info), types, id: info.id, readOnly })
}

/** Types by their kernel id, which needs CAP_SYS_ADMIN (kernel/bpf/syscall.c: bpf_btf_get_fd_by_id); without it a map's entries are bytes. */
export function kernelsBtf(id: number): Btf | undefined {
  const fd = btfGetFdById(id)
  if (fd < 0) return undefined
  const bytes = btfBytes(fd)
  closeFd(fd)
  return typeof bytes === 'number' ? undefined : parseBtf(bytes, { where: `BTF of the map (id ${id})` })
}
