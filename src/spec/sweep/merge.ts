import type { CopyOperation, FieldPair } from '../../btf/index.ts'
import {
  type Assembler,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
  r6,
  r7,
  r8,
  r9,
  type Width,
} from './assembler.ts'
import { advance, chunksOf, emitLoop, emitWords, farPart, nested } from './copy.ts'

// Three values of the new layout: r7 what the old value is now, r8 what it was when it was last carried, r9 the live
// new value, which programs write meanwhile. Every write to r9 is one atomic instruction where its place allows it.

/** Bytes of a value. */
export interface ByteRange {
  readonly offset: number
  readonly size: number
}

/** What limits where a field's surroundings may be touched. */
interface Surroundings {
  /** Bytes of the whole value. */
  readonly size: number
  /** Bytes that only the kernel may touch, as a lock. */
  readonly opaque: readonly ByteRange[]
  /** 8, or less inside arrays whose elements are not that far apart. */
  readonly alignment: number
  /** How far behind the first element of the arrays around the last one lies. */
  readonly reach: number
}

/** Part of a field that one access covers, with the bits of it that belong to the field. */
interface Segment {
  readonly offset: number
  readonly width: Width
  readonly mask: bigint
  /** Is it an aligned word of 4 or 8 bytes, so that it can be exchanged atomically? */
  readonly isWord: boolean
}

/** Words in the middle of a long field. */
interface Run {
  readonly offset: number
  readonly words: number
}

const pointers: readonly Register[] = [r7, r8, r9]
/** From here on a field's words are gone through by a loop. */
const loopedWords = 16
/** A neighbour in the same word may change meanwhile; then the exchange is tried again, so often in all. */
const attempts = 4
/** Elements closer together than words are unrolled up to here. */
const unrolledElements = 64

/**
 * Generates code that carries what changed from r8 to r7 into r9: sums by adding the difference, other fields by
 * writing them where r9 still holds what r8 does. Uses r0 to r6.
 */
export function emitMerge(
  code: Assembler,
  pairs: readonly FieldPair[],
  size: number,
  opaque: readonly ByteRange[],
): void {
  for (const { copy, merge } of pairs) {
    emitField(code, copy, merge, { size, opaque, alignment: 8, reach: 0 }, 0, 0)
  }
}

/** Offsets are from where the pointers are; `base` is how far that is from the start of the value. */
function emitField(
  code: Assembler,
  copy: CopyOperation,
  merge: FieldPair['merge'],
  around: Surroundings,
  base: number,
  depth: number,
): void {
  if (copy.op === 'each') emitElements(code, copy, merge, around, base, depth)
  else if (merge === 'sum') emitSum(code, copy, around, base)
  else {
    const start = copy.op === 'bytes' ? 8 * copy.to : copy.to.bitOffset
    const bits = copy.op === 'bytes' ? 8 * copy.size : copy.to.bitSize
    emitLast(code, start, bits, around, base)
  }
}

function emitElements(
  code: Assembler,
  each: Extract<CopyOperation, { op: 'each' }>,
  merge: FieldPair['merge'],
  around: Surroundings,
  base: number,
  depth: number,
): void {
  const { count, to, toStride, operations } = each
  const alignment = Math.min(around.alignment, toStride & -toStride || 8)
  const isUnrolled = alignment < 4 && count <= unrolledElements
  if (isUnrolled) {
    for (let i = 0; i < count; i++) {
      const by = to + i * toStride
      for (const operation of operations) emitField(code, shifted(operation, by), merge, around, base, depth)
    }
    return
  }
  const moved = farPart(to)
  advance(code, pointers, moved)
  emitLoop(code, count, depth, () => {
    for (const operation of operations) {
      const inside = { ...around, alignment, reach: around.reach + (count - 1) * toStride }
      emitField(code, shifted(operation, to - moved), merge, inside, base + moved, nested(depth))
    }
    advance(code, pointers, toStride)
  })
  advance(code, pointers, -moved - count * toStride)
}

/** The operation in an element whose array begins so far from where the pointers are. */
function shifted(operation: CopyOperation, by: number): CopyOperation {
  if (operation.op !== 'integer') return { ...operation, to: operation.to + by }
  return { ...operation, to: { ...operation.to, bitOffset: operation.to.bitOffset + 8 * by } }
}

function emitSum(
  code: Assembler,
  copy: Exclude<CopyOperation, { op: 'each' }>,
  around: Surroundings,
  base: number,
): void {
  const offset = copy.op === 'bytes' ? copy.to : copy.to.bitOffset / 8
  const width = copy.op === 'bytes' ? copy.size : copy.to.bitSize / 8
  const isWord = (width === 4 || width === 8) && (base + offset) % width === 0 && around.alignment >= width
  if (!isWord) throw new RangeError('a sum that is not an aligned integer of 4 or 8 bytes')
  const moved = farPart(offset)
  advance(code, pointers, moved)
  code.load(width, r1, r7, offset - moved)
  code.load(width, r2, r8, offset - moved)
  code.alu('sub', r1, r2)
  code.atomic('add', width, r9, offset - moved, r1)
  advance(code, pointers, -moved)
}

/** A field is carried as a whole or not at all. */
function emitLast(code: Assembler, start: number, bits: number, around: Surroundings, base: number): void {
  const moved = farPart(start >> 3)
  const { segments, run } = segmentsOf(start - 8 * moved, bits, around, base + moved)
  advance(code, pointers, moved)
  const [only] = segments
  if (only && segments.length === 1 && run === undefined) {
    emitExchange(code, only, false)
  } else {
    code.alu('mov', r3, 0)
    for (const segment of segments) emitDifference(code, segment)
    if (run) emitRunDifference(code, run)
    // r6: all ones where r9 is as r8, else zero, without a branch for the verifier to follow
    code.alu('mov', r6, 0)
    code.alu('sub', r6, r3)
    code.alu('or', r6, r3)
    code.alu('arsh', r6, 63)
    code.alu('xor', r6, -1)
    for (const segment of segments) emitExchange(code, segment, true)
    if (run) emitRunExchange(code, run)
  }
  advance(code, pointers, -moved)
}

/** r3 has bits set where r9 differs from r8. */
function emitDifference(code: Assembler, { offset, width, mask }: Segment): void {
  code.load(width, r1, r9, offset)
  code.load(width, r2, r8, offset)
  code.alu('xor', r1, r2)
  emitMask(code, r1, mask, width)
  code.alu('or', r3, r1)
}

function emitRunDifference(code: Assembler, { offset, words }: Run): void {
  code.alu('mov', r4, r9)
  code.alu('mov', r5, r8)
  advance(code, [r4, r5], offset)
  emitWords(code, words, [r4, r5], at => {
    code.load(8, r1, r4, at)
    code.load(8, r2, r5, at)
    code.alu('xor', r1, r2)
    code.alu('or', r3, r1)
  })
}

function emitRunExchange(code: Assembler, { offset, words }: Run): void {
  advance(code, pointers, offset)
  emitWords(code, words, pointers, at => {
    code.load(8, r0, r8, at)
    code.load(8, r1, r7, at)
    emitGuard(code)
    code.atomic('compareExchange', 8, r9, at, r1)
  })
  advance(code, pointers, -offset - 8 * words)
}

/** r1 becomes r0 where the field was written by somebody else: then the exchange changes nothing. */
function emitGuard(code: Assembler): void {
  code.alu('xor', r1, r0)
  code.alu('and', r1, r6)
  code.alu('xor', r1, r0)
}

function emitExchange(code: Assembler, segment: Segment, isGuarded: boolean): void {
  const { offset, width, mask, isWord } = segment
  if (!isWord || (width !== 4 && width !== 8)) {
    emitStore(code, segment, isGuarded)
    return
  }
  if (isWhole(mask, width)) {
    code.load(width, r0, r8, offset)
    code.load(width, r1, r7, offset)
    if (isGuarded) emitGuard(code)
    code.atomic('compareExchange', width, r9, offset, r1)
    return
  }
  // the other bits of the word as they are now, and this field's as r8 has them, become this field's as r7 has them;
  // once that has happened a further attempt changes nothing
  for (let attempt = 0; attempt < attempts; attempt++) {
    code.immediate(r2, mask)
    code.load(width, r0, r8, offset)
    code.load(width, r1, r7, offset)
    if (isGuarded) emitGuard(code)
    code.alu('and', r0, r2)
    code.alu('and', r1, r2)
    code.alu('xor', r2, -1)
    code.load(width, r4, r9, offset)
    code.alu('and', r4, r2)
    code.alu('or', r0, r4)
    code.alu('or', r1, r4)
    code.atomic('compareExchange', width, r9, offset, r1)
  }
}

/** Where no word around it can be exchanged: looks first, then writes. */
function emitStore(code: Assembler, { offset, width, mask }: Segment, isGuarded: boolean): void {
  const skip = code.label()
  if (isGuarded) {
    code.jumpIf(r6, '==', 0, skip)
  } else {
    code.load(width, r1, r9, offset)
    code.load(width, r2, r8, offset)
    code.alu('xor', r1, r2)
    emitMask(code, r1, mask, width)
    code.jumpIf(r1, '!=', 0, skip)
  }
  code.load(width, r1, r7, offset)
  if (!isWhole(mask, width)) {
    code.immediate(r2, mask)
    code.alu('and', r1, r2)
    code.alu('xor', r2, -1)
    code.load(width, r4, r9, offset)
    code.alu('and', r4, r2)
    code.alu('or', r1, r4)
  }
  code.store(width, r9, offset, r1)
  code.place(skip)
}

function emitMask(code: Assembler, register: Register, mask: bigint, width: Width): void {
  if (isWhole(mask, width)) return
  code.immediate(r2, mask)
  code.alu('and', register, r2)
}

function isWhole(mask: bigint, width: Width): boolean {
  return mask === (1n << BigInt(8 * width)) - 1n
}

/** Cuts a field into accesses: whole words, and where it ends within a word that word with a mask. */
function segmentsOf(
  start: number,
  bits: number,
  around: Surroundings,
  base: number,
): { segments: Segment[]; run: Run | undefined } {
  const first = start >> 3
  const end = Math.ceil((start + bits) / 8)
  const single = wordAround(first, end, around, base)
  if (single) return { segments: [masked(single.offset, single.width, start, bits, true)], run: undefined }
  const aligned = Math.ceil((first + base) / 8) * 8 - base
  const words = around.alignment === 8 ? Math.floor((end - aligned) / 8) : 0
  const hasRun = words >= loopedWords && start % 8 === 0
  const run = hasRun ? { offset: aligned, words } : undefined
  const parts = run
    ? [
        chunksOf(first + base, aligned - first),
        chunksOf(base + aligned + 8 * words, end - aligned - 8 * words),
      ]
    : [chunksOf(first + base, end - first, Math.max(around.alignment, 1))]
  const segments = parts.flat().map(chunk => {
    const { width } = chunk
    const offset = chunk.offset - base
    const word = wordAround(offset, offset + width, around, base) ?? { offset, width }
    const low = Math.max(start, 8 * offset)
    const high = Math.min(start + bits, 8 * (offset + width))
    return masked(word.offset, word.width, low, high - low, word.width >= 4)
  })
  return { segments, run }
}

/** The aligned word that bytes lie in, if it may be touched as a whole. */
function wordAround(
  first: number,
  end: number,
  { size, opaque, alignment, reach }: Surroundings,
  base: number,
): { offset: number; width: 4 | 8 } | undefined {
  for (const width of [4, 8] as const) {
    if (width > alignment) break
    const start = Math.floor((first + base) / width) * width
    if (start + width < end + base) continue
    if (end - first === width) return { offset: start - base, width }
    const last = start + width + reach
    const isFree = opaque.every(o => o.offset >= last || o.offset + o.size <= start)
    if (last <= size && isFree) return { offset: start - base, width }
  }
  return undefined
}

/** The part of a field that lies in an access. */
function masked(offset: number, width: Width, start: number, bits: number, isWord: boolean): Segment {
  const low = Math.max(start, 8 * offset) - 8 * offset
  const high = Math.min(start + bits, 8 * (offset + width)) - 8 * offset
  const mask = ((1n << BigInt(high)) - 1n) & ~((1n << BigInt(low)) - 1n)
  return { offset, width, mask, isWord }
}
