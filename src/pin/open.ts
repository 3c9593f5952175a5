import { BpfError } from '../errors.ts'
import { isOutside, type PinKind, type Place } from '../plan/layout.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { closeFd, type MapInfo, mapInfo, objectKind, objGet, systemError } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { describe, idOf, occupantText } from './identity.ts'

const ENOENT = -2
const BPF_F_RDONLY = 8

/** A pinned map, open. */
export interface OpenedMap {
  readonly fd: number
  readonly info: MapInfo
  /** The pin. */
  readonly path: string
}

/**
 * Opens the map that is pinned at a place; `undefined` where nothing is. The caller closes `fd`.
 *
 * @param generation whose directory places inside are below; without one only places outside are looked at
 * @throws BpfError `ERR_PIN_KIND` where something else than a map is pinned.
 */
export function openMapAt(
  place: Place,
  generation: Generation | undefined,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): OpenedMap | undefined {
  const isOut = isOutside(place.path)
  if (!isOut && !generation) return undefined
  const path = fullPath(place.path, generation)
  const fd = objGet(place.path, readOnly ? BPF_F_RDONLY : 0, isOut ? undefined : generation?.directory)
  if (fd === ENOENT) return undefined
  if (fd < 0) throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing: `opening pinned map '${place.name}'`, path })
  return { fd, info: infoOfMap(fd, path, isOut), path }
}

/** Information about a map that was just opened; closes it where that fails. */
function infoOfMap(fd: number, path: string, isOut: boolean): MapInfo {
  // inside a generation only its owner pins; outside anything may lie, and information about a program looks alike
  const kind = isOut ? objectKind(fd) : 'map'
  const info = kind === 'map' ? mapInfo(fd) : undefined
  if (typeof info === 'object') return info
  const error =
    info === undefined
      ? wrongKind(fd, path, 'map')
      : systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
          doing: 'reading information about a pinned map',
          path,
        })
  closeFd(fd)
  throw error
}

/**
 * Opens a map of a generation and checks that it is the one in the manifest. The caller closes `fd`.
 *
 * @throws BpfError `ERR_PIN_MISSING` where nothing is pinned, `ERR_PIN_REPLACED` where something else is.
 */
export function openPinnedMap(
  generation: Generation,
  record: PinRecord,
  options: { readonly readOnly?: boolean } = {},
): OpenedMap {
  const opened = openMapAt(record, generation, options)
  if (!opened) throw missing(generation, record)
  if (opened.info.id === record.id) return opened
  throw notTheOne(generation, record, opened.fd)
}

/** As {@link openPinnedMap}, for a pin of any kind; the result is its descriptor. */
export function openPin(
  generation: Generation,
  record: PinRecord,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): number {
  const isOut = isOutside(record.path)
  const fd = objGet(record.path, readOnly ? BPF_F_RDONLY : 0, isOut ? undefined : generation.directory)
  if (fd === ENOENT) throw missing(generation, record)
  if (fd < 0) {
    throw systemError(fd, 'bpf(BPF_OBJ_GET)', {
      doing: `opening pinned ${record.kind} '${record.name}'`,
      path: fullPath(record.path, generation),
    })
  }
  if (idOf(fd, record.kind) === record.id) return fd
  throw notTheOne(generation, record, fd)
}

function missing(generation: Generation, { kind, name, path }: PinRecord): BpfError {
  const full = fullPath(path, generation)
  return pinError(
    'ERR_PIN_MISSING',
    full,
    `${kind} '${name}' is in the manifest, but nothing is pinned at ${full}`,
  )
}

/** What is wrong with a pin that was opened and is not the one in the manifest; closes it. */
function notTheOne(generation: Generation, { kind, id, path }: PinRecord, fd: number): BpfError {
  const full = fullPath(path, generation)
  const found = objectKind(fd)
  const other = idOf(fd, kind)
  const error = found === kind ? undefined : wrongKind(fd, full, kind)
  closeFd(fd)
  if (error) return error
  const message = `${full} is the ${kind} with id ${other}; the manifest says the ${kind} with id ${id}`
  return pinError('ERR_PIN_REPLACED', full, message)
}

function pinError(code: string, path: string, message: string): BpfError {
  return new BpfError(message, { code, path })
}

function wrongKind(fd: number, path: string, wanted: PinKind): BpfError {
  const occupant = describe(fd)
  const found = occupant ? occupantText(occupant) : 'something that is no map, program or link'
  return pinError('ERR_PIN_KIND', path, `${found} is pinned at ${path}, expected a ${wanted}`)
}

function fullPath(path: string, generation: Generation | undefined): string {
  return isOutside(path) || !generation ? path : `${generation.path}/${path}`
}
