import type { CopyOperation, LayoutComparison } from '../btf/index.ts'
import { type Batch, entrySize, readBatches, roundUp } from '../map/batches.ts'
import type { LiveFacts } from '../plan/grade-map.ts'
import { isIndexed } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import type { ByteRange } from '../spec/sweep/merge.ts'
import { isPerCpu, type MapSide } from './conversion.ts'

/**
 * What only the live map can tell an upgrade: how many entries it has, and whether what would be cut off is zero. Reads
 * the map only as far as that needs.
 *
 * @param values how its values differ, where their types are known
 * @param what the map, as it stands in a sentence: `map 'flows'`
 */
export function liveFacts(
  side: MapSide,
  wanted: MapShape,
  values: LayoutComparison | undefined,
  what: string,
): LiveFacts {
  const cut = values ? cutRanges(values) : []
  if (isIndexed(side.shape.type)) {
    const cutIsZero =
      cut && everyEntry(side, what, (batch, first) => isZeroIn(side, batch, first, wanted, cut))
    return { entries: side.shape.maxEntries, ...(cutIsZero === undefined ? {} : { cutIsZero }) }
  }
  let entries = 0
  let cutIsZero = cut !== undefined
  for (const batch of readBatches(side.fd, side.shape, what)) {
    cutIsZero &&= isZeroIn(side, batch, 0, undefined, cut ?? [])
    entries += batch.count
  }
  return { entries, ...(cut ? { cutIsZero } : {}) }
}

/**
 * The bytes of an old value that are in arrays which became shorter, and go nowhere; `undefined` where that cannot be
 * told, as inside the elements of other arrays.
 */
function cutRanges({ changes, conversion }: LayoutComparison): readonly ByteRange[] | undefined {
  const cut = changes.flatMap(({ change, pinned, path }) =>
    change === 'cut' && pinned ? { pinned, path } : [],
  )
  if (cut.length === 0) return []
  if (!conversion || cut.some(({ path }) => path.includes('[]'))) return undefined
  const isCarried = new Uint8Array(conversion.fromSize)
  markRead(conversion.operations, 0, isCarried)
  return cut.flatMap(({ pinned }) =>
    Array.from({ length: pinned.size }, (_, i) => ({ offset: pinned.offset + i, size: 1 })).filter(
      ({ offset }) => isCarried[offset] === 0,
    ),
  )
}

function markRead(operations: readonly CopyOperation[], base: number, isRead: Uint8Array): void {
  for (const operation of operations) {
    if (operation.op === 'bytes') {
      isRead.fill(1, base + operation.from, base + operation.from + operation.size)
    } else if (operation.op === 'integer') {
      const { bitOffset, bitSize } = operation.from
      isRead.fill(1, base + (bitOffset >> 3), base + Math.ceil((bitOffset + bitSize) / 8))
    } else {
      const { count, from, fromStride } = operation
      for (let i = 0; i < count; i++) markRead(operation.operations, base + from + i * fromStride, isRead)
    }
  }
}

function everyEntry(side: MapSide, what: string, isFine: (batch: Batch, first: number) => boolean): boolean {
  let first = 0
  for (const batch of readBatches(side.fd, side.shape, what)) {
    if (!isFine(batch, first)) return false
    first += batch.count
  }
  return true
}

/** Entries beyond the end of the wanted array must be zero as a whole. */
function isZeroIn(
  { shape }: MapSide,
  { values, count }: Batch,
  first: number,
  wanted: MapShape | undefined,
  cut: readonly ByteRange[],
): boolean {
  const size = entrySize(shape)
  const stride = isPerCpu(shape) ? roundUp(shape.valueSize) : size
  for (let i = 0; i < count; i++) {
    const isBeyond = wanted !== undefined && first + i >= wanted.maxEntries
    for (let at = i * size; at < (i + 1) * size; at += Math.max(stride, 1)) {
      const ranges = isBeyond ? [{ offset: 0, size: shape.valueSize }] : cut
      for (const range of ranges) if (!isZero(values.bytes, at + range.offset, range.size)) return false
    }
  }
  return true
}

function isZero(bytes: Uint8Array, start: number, size: number): boolean {
  for (let i = start; i < start + size; i++) if (bytes[i] !== 0) return false
  return true
}
