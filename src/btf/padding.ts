import { type Field, type Hole, holesOf } from './layout.ts'

/**
 * Names that C programs give to bytes that hold nothing. `reserved` and `unused` count with an underscore in front only:
 * without one they may well be a count of what is reserved.
 */
const paddingName = /(^|\.)(_*(pad|padding)|_+(reserved|rsvd|resv|unused))[_\d]*$/i

/** Is this a field that by its name is padding: an integer, or an array of integers, called `pad`, `__reserved1`? */
export function isPadding({ path, shape }: Field): boolean {
  if (!paddingName.test(path)) return false
  if (shape.kind === 'array') return shape.fields.every(field => field.shape.kind === 'int')
  return shape.kind === 'int'
}

/** Answers whether bits of a value are padding. */
export interface Holes {
  /** Are all of these bits in one hole? */
  covers(bitOffset: number, bitSize: number): boolean
  /** Is there a hole of exactly these bytes? */
  isHole(offset: number, end: number): boolean
}

/** The padding of a value of `size` bytes around these fields. */
export function holesAround(fields: readonly Field[], size: number): Holes {
  const holes: readonly Hole[] = holesOf(fields, size)
  const ends = new Map(holes.map(({ bitOffset, bitSize }) => [bitOffset, bitOffset + bitSize]))
  return {
    covers(bitOffset, bitSize) {
      const hole = lastAt(holes, bitOffset)
      return hole !== undefined && bitOffset + bitSize <= hole.bitOffset + hole.bitSize
    },
    isHole: (offset, end) => ends.get(8 * offset) === 8 * end,
  }
}

/** The last hole that starts at or before a bit. */
function lastAt(holes: readonly Hole[], bitOffset: number): Hole | undefined {
  let low = 0
  let high = holes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holes[middle]!.bitOffset <= bitOffset) low = middle + 1
    else high = middle
  }
  return holes[low - 1]
}
