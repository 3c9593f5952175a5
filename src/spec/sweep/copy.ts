import type { CopyOperation, IntegerPlace } from '../../btf/index.ts'
import { type Assembler, type Register, r1, r2, r3, r4, r10, type Width } from './assembler.ts'

/** What a generated loop over memory has of registers: both pointers, which come back as they were. */
export interface Sides {
  readonly from: Register
  readonly to: Register
}

/** From here on bytes are moved by a loop, which costs the verifier as much and is shorter. */
const loopedBytes = 128
/** Offsets beyond this are reached by moving the pointer: an instruction holds 15 bits of them. */
const farOffset = 0x4000

/** The stack slot that counts the iterations of a loop in so many others. */
export function counterSlot(depth: number): number {
  return -64 - 8 * depth
}

/** Deeper arrays of arrays than the stack has counters for. */
export const deepestLoop = 16

/**
 * Generates code that does what compileCopy of the same operations does, on little-endian memory: the registers hold
 * both values' addresses. Uses r1 to r4.
 */
export function emitCopy(
  code: Assembler,
  operations: readonly CopyOperation[],
  sides: Sides,
  depth = 0,
): void {
  for (const operation of operations) {
    const near = moveNear(operation)
    advance(code, [sides.from], near.from)
    advance(code, [sides.to], near.to)
    emitOne(code, near.operation, sides, depth)
    advance(code, [sides.from], -near.from)
    advance(code, [sides.to], -near.to)
  }
}

/** Moves pointers by a constant. */
export function advance(code: Assembler, pointers: readonly Register[], by: number): void {
  if (by === 0) return
  for (const pointer of pointers) code.alu('add', pointer, by)
}

/** The operation from pointers that are moved so far that its offsets fit into instructions. */
function moveNear(operation: CopyOperation): { operation: CopyOperation; from: number; to: number } {
  if (operation.op === 'integer') {
    const { from, to } = operation
    const byFrom = farPart(from.bitOffset >> 3)
    const byTo = farPart(to.bitOffset >> 3)
    const moved = { ...operation, from: lower(from, byFrom), to: lower(to, byTo) }
    return { operation: moved, from: byFrom, to: byTo }
  }
  const byFrom = farPart(operation.from)
  const byTo = farPart(operation.to)
  return {
    operation: { ...operation, from: operation.from - byFrom, to: operation.to - byTo },
    from: byFrom,
    to: byTo,
  }
}

/** How far to move a pointer for an offset; whole words, so that alignment stays. */
export function farPart(offset: number): number {
  return offset > farOffset ? offset & ~7 : 0
}

function lower(place: IntegerPlace, bytes: number): IntegerPlace {
  return { ...place, bitOffset: place.bitOffset - 8 * bytes }
}

function emitOne(code: Assembler, operation: CopyOperation, sides: Sides, depth: number): void {
  switch (operation.op) {
    case 'bytes':
      emitBytes(code, sides, operation.from, operation.to, operation.size)
      break
    case 'integer':
      emitInteger(code, sides, operation.from, operation.to)
      break
    case 'each': {
      const { count, from, to, fromStride, toStride, operations } = operation
      advance(code, [sides.from], from)
      advance(code, [sides.to], to)
      emitLoop(code, count, depth, () => {
        emitCopy(code, operations, sides, nested(depth))
        advance(code, [sides.from], fromStride)
        advance(code, [sides.to], toStride)
      })
      advance(code, [sides.from], -from - count * fromStride)
      advance(code, [sides.to], -to - count * toStride)
    }
  }
}

/** One loop deeper. */
export function nested(depth: number): number {
  if (depth + 1 >= deepestLoop) throw new RangeError(`arrays nested more than ${deepestLoop} deep`)
  return depth + 1
}

/** `body` so many times; it moves its pointers itself. */
export function emitLoop(code: Assembler, count: number, depth: number, body: () => void): void {
  if (count === 0) return
  const slot = counterSlot(depth)
  const again = code.label()
  code.store(8, r10, slot, count)
  code.place(again)
  body()
  code.load(8, r1, r10, slot)
  code.alu('sub', r1, 1)
  code.store(8, r10, slot, r1)
  code.jumpIf(r1, '!=', 0, again)
}

/** Words that one iteration takes: the verifier goes through every iteration, and has a limit. */
const wordsAtOnce = 8
/** A counter that no array's loop uses. */
const wordsDepth = deepestLoop

/** `body` for each of so many words, which the pointers move along; they end behind the last. */
export function emitWords(
  code: Assembler,
  words: number,
  pointers: readonly Register[],
  body: (offset: number) => void,
): void {
  const iterations = Math.floor(words / wordsAtOnce)
  emitLoop(code, iterations, wordsDepth, () => {
    for (let i = 0; i < wordsAtOnce; i++) body(8 * i)
    advance(code, pointers, 8 * wordsAtOnce)
  })
  const rest = words - iterations * wordsAtOnce
  for (let i = 0; i < rest; i++) body(8 * i)
  advance(code, pointers, 8 * rest)
}

function emitBytes(code: Assembler, sides: Sides, from: number, to: number, size: number): void {
  let start = 0
  if (size > loopedBytes) {
    const words = size >> 3
    code.alu('mov', r3, sides.from)
    code.alu('mov', r4, sides.to)
    advance(code, [r3], from)
    advance(code, [r4], to)
    emitWords(code, words, [r3, r4], offset => {
      code.load(8, r1, r3, offset)
      code.store(8, r4, offset, r1)
    })
    start = 8 * words
    for (const { offset, width } of chunksOf(0, size - start)) {
      code.load(width, r1, r3, offset)
      code.store(width, r4, offset, r1)
    }
    return
  }
  for (const { offset, width } of chunksOf(from, size)) {
    code.load(width, r1, sides.from, offset)
    code.store(width, sides.to, to + offset - from, r1)
  }
}

/** A run of bytes as accesses, each on a multiple of its width: whole integers are read in one. */
export function chunksOf(start: number, size: number, widest = 8): { offset: number; width: Width }[] {
  const chunks: { offset: number; width: Width }[] = []
  for (let offset = start; offset < start + size; ) {
    const fits = (width: Width): boolean =>
      width <= widest && offset % width === 0 && offset + width <= start + size
    const width = ([8, 4, 2] as const).find(fits) ?? 1
    chunks.push({ offset, width })
    offset += width
  }
  return chunks
}

function emitInteger(code: Assembler, sides: Sides, from: IntegerPlace, to: IntegerPlace): void {
  if (from.bitSize > 64 || to.bitSize > 64) throw new RangeError('an integer of more than 64 bits')
  emitRead(code, sides.from, from)
  const width = wholeWidth(to)
  if (width === undefined) emitBits(code, sides.to, to)
  else code.store(width, sides.to, to.bitOffset >> 3, r1)
}

/** The width of an integer of whole bytes that one instruction moves. */
function wholeWidth({ bitOffset, bitSize }: IntegerPlace): Width | undefined {
  return bitOffset % 8 === 0 ? ([1, 2, 4, 8] as const).find(width => 8 * width === bitSize) : undefined
}

/** r1 = the integer, extended to 64 bits. */
function emitRead(code: Assembler, base: Register, place: IntegerPlace): void {
  const { bitSize, signed } = place
  const width = wholeWidth(place)
  if (width === undefined) emitGather(code, base, place)
  else code.load(width, r1, base, place.bitOffset >> 3)
  // what lies above the integer goes out at the top, and its sign or zeros come in behind it
  if (bitSize < 64 && (signed || width === undefined)) {
    code.alu('lsh', r1, 64 - bitSize)
    code.alu(signed ? 'arsh' : 'rsh', r1, 64 - bitSize)
  }
}

/** r1 = 64 bits of which the lowest are the bitfield: byte by byte, as nothing beyond its own bytes may be read. */
function emitGather(code: Assembler, base: Register, { bitOffset, bitSize }: IntegerPlace): void {
  const first = bitOffset >> 3
  const shift = bitOffset & 7
  const bytes = Math.ceil((shift + bitSize) / 8)
  code.alu('mov', r1, 0)
  for (let i = 0; i < bytes; i++) {
    code.load(1, r2, base, first + i)
    const up = 8 * i - shift
    if (up !== 0) code.alu(up > 0 ? 'lsh' : 'rsh', r2, Math.abs(up))
    code.alu('or', r1, r2)
  }
}

/** Writes the lowest bits of r1 as a bitfield, byte by byte; its neighbours' bits stay. */
function emitBits(code: Assembler, base: Register, { bitOffset, bitSize }: IntegerPlace): void {
  const first = bitOffset >> 3
  const shift = bitOffset & 7
  const bytes = Math.ceil((shift + bitSize) / 8)
  for (let i = 0; i < bytes; i++) {
    const up = shift - 8 * i
    const low = Math.max(0, up)
    const high = Math.min(8, shift + bitSize - 8 * i)
    const mask = ((1 << high) - 1) & ~((1 << low) - 1)
    code.alu('mov', r2, r1)
    if (up !== 0) code.alu(up > 0 ? 'lsh' : 'rsh', r2, Math.abs(up))
    code.alu('and', r2, mask)
    if (mask !== 0xff) {
      code.load(1, r3, base, first + i)
      code.alu('and', r3, 0xff & ~mask)
      code.alu('or', r2, r3)
    }
    code.store(1, base, first + i, r2)
  }
}
