import { directories, isOutside, type PinKind } from '../plan/layout.ts'
import type { Manifest, PinRecord } from '../plan/manifest.ts'
import { manifestName } from '../plan/names.ts'
import { numbersOf, type Run, runsOf } from '../plan/runs.ts'
import {
  closeFd,
  ENOENT,
  type Listing,
  openFile,
  openFlag,
  readListing,
  systemError,
} from '../syscall/index.ts'
import type { Generation } from './generation.ts'

const kinds: readonly PinKind[] = ['map', 'program', 'link']

/**
 * The inode numbers of what is pinned in a generation's directory: so many pins are known again by one look at each of
 * its directories, without opening any.
 */
export function inodesOf(directory: number, pins: readonly PinRecord[]): Run[] {
  const numbers = new Uint32Array(pins.length)
  // a link is opened before it is removed, in any case
  const listed = kinds.filter(kind => kind !== 'link' && pins.some(pin => pin.kind === kind))
  look(directory, pins, listed, (index, inode) => {
    numbers[index] = inode
  })
  return runsOf(numbers)
}

/** What is in the directory of a generation. */
export interface Seen {
  /** Of the pins in the order of the manifest: is it still what that lists? */
  readonly isSeen: readonly boolean[]
  /** Has anything in the directory a name that the manifest does not list? */
  readonly hasStrangers: boolean
}

/** Compares what is in a generation's directory with what its manifest lists. */
export function seenIn({ directory, manifest }: Generation): Seen {
  const recorded = inodesIn(manifest)
  const isSeen = manifest.pins.map(() => false)
  const isElsewhere = look(directory, manifest.pins, kinds, (index, inode) => {
    isSeen[index] = inode !== 0 && recorded[index] === inode && manifest.pins[index]!.kind !== 'link'
  })
  const own = new Set<string>([...Object.values(directories), manifestName])
  const beside = list(directory, '.')?.names() ?? []
  return { isSeen, hasStrangers: isElsewhere || beside.some(name => !own.has(name)) }
}

/**
 * Tells the inode number of each pin of some kinds in the directory, 0 where there is none.
 *
 * @returns whether there is anything else
 */
function look(
  directory: number,
  pins: readonly PinRecord[],
  kinds: readonly PinKind[],
  tell: (index: number, inode: number) => void,
): boolean {
  let hasMore = false
  for (const kind of kinds) {
    const listing = list(directory, directories[kind])
    if (!listing) continue
    let found = 0
    // bpffs lists the newest first
    for (let index = pins.length - 1; index >= 0; index--) {
      const pin = pins[index]!
      if (pin.kind !== kind || isOutside(pin.file)) continue
      const inode = listing.inodeOf(pin.file)
      if (inode !== 0) found++
      tell(index, inode)
    }
    if (found < listing.size) hasMore = true
  }
  return hasMore
}

/** `undefined` where it is not there: an object without programs has no directory for them. */
function list(parent: number, name: string): Listing | undefined {
  const doing = 'looking for what is pinned there'
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd === ENOENT) return undefined
  if (fd < 0) throw systemError(fd, 'openat', { doing, path: name })
  const listing = readListing(fd)
  closeFd(fd)
  if (typeof listing === 'number') throw systemError(listing, 'getdents64', { doing, path: name })
  return listing
}

/** One number a pin; none where the list is not as long. */
function inodesIn({ inodes = [], pins }: Manifest): Uint32Array {
  return numbersOf(inodes, pins.length) ?? new Uint32Array(0)
}
