import { type Assembler, type Register, r1, r2, r3, r4, r5 } from './assembler.ts'
import { advance, chunksOf, emitWords, farPart } from './copy.ts'
import type { ByteRange } from './merge.ts'

/** Bytes from which on a loop takes fewer instructions. */
const looped = 128

/** r3 = 0 where the bytes of two values are equal, those aside that only the kernel may touch. */
export function emitAnyDifference(
  code: Assembler,
  a: Register,
  b: Register,
  size: number,
  opaque: readonly ByteRange[],
): void {
  code.alu('mov', r3, 0)
  let start = 0
  const holes = [...opaque].sort((x, y) => x.offset - y.offset)
  for (const hole of [...holes, { offset: size, size: 0 }]) {
    if (hole.offset > start) emitDifferenceIn(code, a, b, start, hole.offset - start)
    start = Math.max(start, hole.offset + hole.size)
  }
}

function emitDifferenceIn(code: Assembler, a: Register, b: Register, start: number, size: number): void {
  const moved = farPart(start)
  code.alu('mov', r4, a)
  code.alu('mov', r5, b)
  advance(code, [r4, r5], moved)
  const or = (width: 1 | 2 | 4 | 8, offset: number): void => {
    code.load(width, r1, r4, offset)
    code.load(width, r2, r5, offset)
    code.alu('xor', r1, r2)
    code.alu('or', r3, r1)
  }
  const head = (8 - (start & 7)) & 7
  const words = (size - head) >> 3
  if (size < looped) {
    for (const { offset, width } of chunksOf(start - moved, size)) or(width, offset)
    return
  }
  for (const { offset, width } of chunksOf(start - moved, head)) or(width, offset)
  advance(code, [r4, r5], start - moved + head)
  emitWords(code, words, [r4, r5], offset => or(8, offset))
  for (const { offset, width } of chunksOf(0, size - head - 8 * words)) or(width, offset)
}
