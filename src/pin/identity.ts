import type { PinKind } from '../plan/layout.ts'
import { closeFd, linkInfo, mapInfo, objectKind, objGet, progInfo } from '../syscall/index.ts'

/** The kernel's id of what a descriptor is open on; `undefined` where that is not of this kind. */
export function idOf(fd: number, kind: PinKind): number | undefined {
  if (objectKind(fd) !== kind) return undefined
  const info = kind === 'map' ? mapInfo(fd) : kind === 'program' ? progInfo(fd) : linkInfo(fd)
  return typeof info === 'number' ? undefined : info.id
}

/** Something that is pinned, as errors name it. */
export interface Occupant {
  readonly kind: PinKind
  readonly id: number
  /** The kernel's name; links have none. */
  readonly name: string
}

/** What is pinned at a path; `undefined` where nothing is, or nothing that can be opened. */
export function occupantOf(path: string): Occupant | undefined {
  const fd = objGet(path)
  if (fd < 0) return undefined
  const occupant = describe(fd)
  closeFd(fd)
  return occupant
}

/** What a descriptor is open on. */
export function describe(fd: number): Occupant | undefined {
  const kind = objectKind(fd)
  if (kind !== 'map' && kind !== 'program' && kind !== 'link') return undefined
  const info = kind === 'map' ? mapInfo(fd) : kind === 'program' ? progInfo(fd) : linkInfo(fd)
  if (typeof info === 'number') return undefined
  return { kind, id: info.id, name: 'name' in info && kind !== 'link' ? String(info.name) : '' }
}

/** `the map 'flows' with id 7`. */
export function occupantText({ kind, id, name }: Occupant): string {
  return `the ${kind} ${name === '' ? '' : `'${name}' `}with id ${id}`
}
