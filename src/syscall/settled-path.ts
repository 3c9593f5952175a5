import { readlinkSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** A file or directory by the number that it is open under in some process, and what is below it. */
const throughDescriptor = /^(?<descriptor>\/(?:proc\/[^/]+(?:\/task\/\d+)?|dev)\/fd\/\d+)(?<below>\/.*)?$/

/**
 * A path as any process finds it, at any time: absolute, and not by the number of a descriptor (`/proc/self/fd/7/name`)
 * where what is open has a path of its own. What has none, as on a file system that is mounted nowhere, keeps its number.
 */
export function settledPath(path: string): string {
  const absolute = resolve(path)
  const { descriptor, below = '' } = throughDescriptor.exec(absolute)?.groups ?? {}
  if (descriptor === undefined) return absolute
  try {
    const own = readlinkSync(descriptor)
    if (isSameFile(own, descriptor)) return own === '/' && below !== '' ? below : `${own}${below}`
  } catch {
    // nothing is open under that number, or its path leads nowhere any more
  }
  return absolute
}

/** Of a mount that is nowhere the kernel says paths that begin at its own root, and lead elsewhere. */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })]
  return a.dev === b.dev && a.ino === b.ino
}
