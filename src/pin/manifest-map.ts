import { BpfError } from '../errors.ts'
import { decodeManifest, encodeManifest, type Manifest } from '../plan/manifest.ts'
import { manifestName } from '../plan/names.ts'
import { mapFlag, mapTypes } from '../spec/kernel.ts'
import {
  allocate,
  closeFd,
  ENOENT,
  mapCreate,
  mapFreeze,
  mapInfo,
  mapLookup,
  mapUpdate,
  objGet,
  systemError,
} from '../syscall/index.ts'

const BPF_F_RDONLY = 8

/** Puts a manifest into a frozen array map of one entry; the result is the map's descriptor. */
export function createManifest(manifest: Manifest): number {
  const doing = `writing the manifest of '${manifest.name}'`
  const bytes = encodeManifest(manifest)
  const fd = mapCreate({
    type: mapTypes.array,
    keySize: 4,
    valueSize: bytes.length,
    maxEntries: 1,
    flags: mapFlag.RDONLY_PROG,
    name: 'bpfpin_manifest',
  })
  if (fd < 0) throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing })
  const key = allocate(4)
  const value = allocate(bytes.length)
  value.bytes.set(bytes)
  const written = mapUpdate(fd, key, value)
  const result = written < 0 ? written : mapFreeze(fd)
  if (result >= 0) return fd
  const error = systemError(result, written < 0 ? 'bpf(BPF_MAP_UPDATE_ELEM)' : 'bpf(BPF_MAP_FREEZE)', {
    doing,
  })
  closeFd(fd)
  throw error
}

/**
 * Reads the manifest of an open directory; `undefined` where it has none.
 *
 * @throws BpfError `ERR_MANIFEST` for something else at its place, EACCES for who may not read it.
 */
export function readManifest(
  directory: number,
  path: string,
  name: string = manifestName,
): Manifest | undefined {
  const where = `${path}/${name}`
  const doing = `reading the manifest of '${path}'`
  const fd = objGet(name, BPF_F_RDONLY, directory)
  if (fd === ENOENT) return undefined
  if (fd < 0) throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing, path: where })
  try {
    const info = mapInfo(fd)
    if (typeof info === 'number')
      throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing, path: where })
    if (info.type !== mapTypes.array || info.keySize !== 4 || info.maxEntries !== 1) {
      throw new BpfError(`${where} is not a manifest`, { code: 'ERR_MANIFEST', path: where })
    }
    const key = allocate(4)
    const value = allocate(info.valueSize)
    const result = mapLookup(fd, key, value)
    if (result < 0) throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing, path: where })
    return decodeManifest(value.bytes, where)
  } finally {
    closeFd(fd)
  }
}
