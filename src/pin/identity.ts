import { BpfError } from '../errors.ts'
import type { PinKind } from '../plan/layout.ts'
import {
  closedAfter,
  EACCES,
  ELOOP,
  ENOENT,
  ENOTDIR,
  fileStatus,
  linkInfo,
  namedMapInfo,
  objectKind,
  progInfo,
  systemError,
} from '../syscall/index.ts'
import { getPin } from './trusted-path.ts'

/**
 * The kernel's id of what a descriptor is open on; `undefined` where that is not of this kind.
 *
 * @throws BpfError with the kernel's errno where it cannot be found out.
 */
export function idOf(fd: number, kind: PinKind): number | undefined {
  const occupant = describe(fd)
  return occupant?.kind === kind ? occupant.id : undefined
}

/** Something that is pinned, as errors name it. */
export interface Occupant {
  readonly kind: PinKind
  readonly id: number
  /** The kernel's name; links have none. */
  readonly name: string
}

/**
 * What is pinned at a path; `undefined` where nothing is, or nothing that may be opened: a directory, say.
 *
 * @throws BpfError with the kernel's errno where it cannot be found out.
 */
export function occupantOf(path: string): Occupant | undefined {
  const fd = getPin(path)
  if (fd === ENOENT || fd === EACCES) return undefined
  if (fd < 0) throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing: 'finding out what is pinned', path })
  return closedAfter(fd, () => describe(fd))
}

/** What a descriptor is open on; `undefined` for what is no map, program or link. */
export function describe(fd: number): Occupant | undefined {
  const kind = objectKind(fd)
  if (typeof kind === 'number') throw systemError(kind, 'readlinkat', { doing: 'finding out what is pinned' })
  if (kind !== 'map' && kind !== 'program' && kind !== 'link') return undefined
  const info = kind === 'map' ? namedMapInfo(fd) : kind === 'program' ? progInfo(fd) : linkInfo(fd)
  if (typeof info === 'number') {
    throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
      doing: `reading information about a pinned ${kind}`,
    })
  }
  return { kind, id: info.id, name: kind !== 'link' && 'name' in info ? String(info.name) : '' }
}

/** `the map 'flows' with id 7`. */
export function occupantText({ kind, id, name }: Occupant): string {
  return `the ${kind} ${name === '' ? '' : `'${name}' `}with id ${id}`
}

/**
 * The error for a directory of an object that cannot be opened. Where a pin or a symbolic link has that name, which is never
 * followed, it is `ERR_PIN_KIND`, and says what is there.
 */
export function directoryError(result: number, path: string): BpfError {
  const about = { doing: `opening '${path}'`, path }
  if (result !== ENOTDIR && result !== ELOOP) return systemError(result, 'openat', about)
  const hint = 'choose another name or root, or remove what is there if nobody uses it'
  const found = isSymbolicLink(path) ? 'a symbolic link' : pinText(path)
  if (found === undefined) return systemError(result, 'openat', { ...about, hint })
  const message = `${path} is ${found}, and not the directory of an object`
  return new BpfError(message, { code: 'ERR_PIN_KIND', path, hint })
}

const S_IFMT = 0o170000
const S_IFLNK = 0o120000

function isSymbolicLink(path: string): boolean {
  const status = fileStatus(path)
  return typeof status === 'object' && (status.mode & S_IFMT) === S_IFLNK
}

/** Who may not look is told what the kernel said. */
function pinText(path: string): string | undefined {
  try {
    const occupant = occupantOf(path)
    return occupant && occupantText(occupant)
  } catch (error) {
    if (error instanceof BpfError) return undefined
    throw error
  }
}
