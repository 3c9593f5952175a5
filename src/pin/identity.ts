import type { PinKind } from '../plan/layout.ts'
import { linkInfo, mapInfo, objectKind, progInfo } from '../syscall/index.ts'

/** The kernel's id of what a descriptor is open on; `undefined` where that is not of this kind. */
export function idOf(fd: number, kind: PinKind): number | undefined {
  if (objectKind(fd) !== kind) return undefined
  const info = kind === 'map' ? mapInfo(fd) : kind === 'program' ? progInfo(fd) : linkInfo(fd)
  return typeof info === 'number' ? undefined : info.id
}
