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

/**
 * Twice what the kernel takes of types (include/linux/btf.h: BTF_MAX_SIZE), the other half for the text: some 150,000 pins. Whoever may
 * pin could have root read, and parse, two gigabytes else.
 */
const mostBytes = 0x200_0000

/** A manifest and the id of the map that holds it, which is frozen: while there is a map of that id, it says the same. */
export interface KnownManifest {
  readonly id: number
  readonly manifest: Manifest
}

/** Puts a manifest into a frozen array map of one entry; the result is the map's descriptor. */
export function createManifest(manifest: Manifest): number {
  const doing = `writing the manifest of '${manifest.name}'`
  let value = allocate(0)
  const { length } = encodeManifest(manifest, room => {
    value = allocate(room)
    return value.bytes
  })
  if (length > mostBytes) {
    throw new BpfError(`${doing}: it would have ${length} bytes, and ${mostBytes} are the most`, {
      code: 'ERR_MANIFEST',
      hint: 'divide the object',
    })
  }
  const fd = mapCreate({
    type: mapTypes.array,
    keySize: 4,
    valueSize: length,
    maxEntries: 1,
    flags: mapFlag.RDONLY_PROG,
    name: 'bpfpin_manifest',
  })
  if (fd < 0) throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing })
  const key = allocate(4)
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
 * @param known what this process wrote or read before: the same is not read once more
 * @throws BpfError `ERR_MANIFEST` for something else at its place, EACCES for who may not read it.
 */
export function readManifest(
  directory: number,
  path: string,
  { name = manifestName, known }: { readonly name?: string; readonly known?: KnownManifest | undefined } = {},
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
    if (info.valueSize > mostBytes) {
      const problem = `has ${info.valueSize} bytes, and ${mostBytes} are the most`
      throw new BpfError(`${where} ${problem}`, { code: 'ERR_MANIFEST', path: where })
    }
    if (info.id === known?.id) return known.manifest
    const key = allocate(4)
    const value = allocate(info.valueSize)
    const result = mapLookup(fd, key, value)
    if (result < 0) throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing, path: where })
    return decodeManifest(value.bytes, where)
  } finally {
    closeFd(fd)
  }
}
