import { resolve } from 'node:path'
import { BpfError } from '../errors.ts'
import { BpfMap, kernelsBtf, shapeOf } from '../map/index.ts'
import { decodeName } from '../plan/names.ts'
import { type OpenOptions, openMapAt } from './open.ts'

/**
 * Opens one pinned map by its path, whoever pinned it, with the types that the kernel keeps of it.
 *
 * @throws BpfError ENOENT, `ERR_PIN_KIND`, EACCES, `ERR_FOREIGN`
 */
export function openMapFile(file: string, options: OpenOptions): BpfMap {
  const path = resolve(file)
  const place = { kind: 'map', name: decodeName(path.slice(path.lastIndexOf('/') + 1)), file: path } as const
  const opened = openMapAt(place, undefined, options)
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
  return new BpfMap({
    fd,
    name: place.name,
    shape: shapeOf(info),
    types,
    id: info.id,
    readOnly: options.readOnly ?? false,
  })
}
