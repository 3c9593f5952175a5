import type { CopyOperation } from './conversion.ts'
import type { Holes } from './padding.ts'

type Bytes = Extract<CopyOperation, { op: 'bytes' }>
type Integer = Extract<CopyOperation, { op: 'integer' }>

/** What lies around the fields that are copied. */
export interface Surroundings {
  readonly pinned: { readonly size: number; readonly holes: Holes }
  readonly wanted: { readonly size: number; readonly holes: Holes }
}

/**
 * Fewer operations that do the same: runs of bytes that move by the same distance become one, with the padding between
 * them where it is padding on both sides, and so do bitfields that together are whole bytes.
 */
export function joinCopies(
  operations: readonly CopyOperation[],
  around: Surroundings,
): readonly CopyOperation[] {
  const integers = operations.filter(operation => operation.op === 'integer')
  const others = operations.filter(operation => operation.op === 'each')
  const rest: CopyOperation[] = [...others]
  const bytes = operations.filter(operation => operation.op === 'bytes')
  for (const run of bitRuns(integers)) {
    const whole = asBytes(run)
    if (whole) bytes.push(whole)
    else rest.push(...run)
  }
  return [...joinBytes(bytes, around), ...rest].sort((a, b) => startOf(a) - startOf(b))
}

function startOf(operation: CopyOperation): number {
  return operation.op === 'integer' ? operation.to.bitOffset / 8 : operation.to
}

/** Neighbouring bitfields that keep their width. */
function* bitRuns(operations: readonly Integer[]): Generator<Integer[]> {
  let run: Integer[] = []
  for (const next of [...operations].sort((a, b) => a.to.bitOffset - b.to.bitOffset)) {
    const last = run.at(-1)
    const follows =
      last &&
      last.from.bitSize === last.to.bitSize &&
      last.from.bitOffset + last.from.bitSize === next.from.bitOffset &&
      last.to.bitOffset + last.to.bitSize === next.to.bitOffset
    if (follows && next.from.bitSize === next.to.bitSize) {
      run.push(next)
      continue
    }
    if (run.length > 0) yield run
    run = [next]
  }
  if (run.length > 0) yield run
}

function asBytes(run: readonly Integer[]): Bytes | undefined {
  const { from, to } = run[0]!
  if (from.bitSize !== to.bitSize) return undefined
  const bits = run.reduce((sum, { to }) => sum + to.bitSize, 0)
  if (from.bitOffset % 8 !== 0 || to.bitOffset % 8 !== 0 || bits % 8 !== 0) return undefined
  return { op: 'bytes', from: from.bitOffset / 8, to: to.bitOffset / 8, size: bits / 8 }
}

function joinBytes(bytes: readonly Bytes[], { pinned, wanted }: Surroundings): Bytes[] {
  const joined: Bytes[] = []
  for (const next of [...bytes].sort((a, b) => a.to - b.to)) {
    const last = joined.at(-1)
    if (last && next.to - next.from === last.to - last.from) {
      const end = last.to + last.size
      const fromEnd = last.from + last.size
      const isGap = wanted.holes.isHole(end, next.to) && pinned.holes.isHole(fromEnd, next.from)
      if (end >= next.to || isGap) {
        joined[joined.length - 1] = { ...last, size: Math.max(end, next.to + next.size) - last.to }
        continue
      }
    }
    joined.push(next)
  }
  return joined.map(one => withTail(one, { pinned, wanted }))
}

/** The padding at the end of a value that ends at the same place on both sides. */
function withTail(bytes: Bytes, { pinned, wanted }: Surroundings): Bytes {
  const end = bytes.to + bytes.size
  const isTail =
    bytes.from === bytes.to &&
    pinned.size === wanted.size &&
    pinned.holes.isHole(end, pinned.size) &&
    wanted.holes.isHole(end, wanted.size)
  return isTail ? { ...bytes, size: wanted.size - bytes.to } : bytes
}

/** The operations of one element for all elements of an array. */
export function forEach(
  array: Omit<Extract<CopyOperation, { op: 'each' }>, 'op' | 'operations'>,
  operations: readonly CopyOperation[],
): CopyOperation | undefined {
  const { count, from, fromStride, to, toStride } = array
  const [only] = operations
  if (!only || count === 0) return undefined
  const isWhole =
    operations.length === 1 &&
    only.op === 'bytes' &&
    only.from === 0 &&
    only.to === 0 &&
    only.size === fromStride &&
    only.size === toStride
  if (isWhole) return { op: 'bytes', from, to, size: count * toStride }
  return { op: 'each', ...array, operations }
}
