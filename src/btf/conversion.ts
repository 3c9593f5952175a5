import { viewOf } from '../parser/view.ts'
import { narrowBits, wideBits } from './bits.ts'
import { machineIsLittleEndian } from './byte-order.ts'

/** Where an integer lies: bits as {@link Field} counts them, from the start of what holds it. */
export interface IntegerPlace {
  readonly bitOffset: number
  readonly bitSize: number
  readonly signed: boolean
}

/** One move from a value of the old layout to one of the new. Offsets, sizes and strides are in bytes. */
export type CopyOperation =
  | { readonly op: 'bytes'; readonly from: number; readonly to: number; readonly size: number }
  /** An integer that changes its width or is a bitfield; extended by the sign of the old side. */
  | { readonly op: 'integer'; readonly from: IntegerPlace; readonly to: IntegerPlace }
  /** The same for each element of an array; offsets of the operations are from the start of an element. */
  | {
      readonly op: 'each'
      readonly count: number
      readonly from: number
      readonly fromStride: number
      readonly to: number
      readonly toStride: number
      readonly operations: readonly CopyOperation[]
    }

/** One field that both sides have and that is carried. */
export interface FieldPair {
  /** `packets`, `slots[].hits`; of a union without a name the paths of its members, `v4|v6`. */
  readonly path: string
  readonly copy: CopyOperation
  /**
   * How two writers of the field are brought together. Of `sum` the copy is an `integer`, whose new side has 4 or 8
   * bytes and lies on a multiple of them, or an `each` of one.
   */
  readonly merge: 'last' | 'sum'
}

/** How a value of the pinned layout becomes one of the wanted layout. */
export interface Conversion {
  /** Bytes of a pinned value. */
  readonly fromSize: number
  /** Bytes of a wanted value. */
  readonly toSize: number
  /** Byte order of both sides. */
  readonly littleEndian: boolean
  readonly pairs: readonly FieldPair[]
  /**
   * All pairs at once, for {@link compileCopy}: neighbours that moved together are one operation, with the padding
   * between them.
   */
  readonly operations: readonly CopyOperation[]
}

/** Copies one value. Bytes of `to` that no operation writes stay as they are. */
export type CopyFunction = (from: Uint8Array, fromOffset: number, to: Uint8Array, toOffset: number) => void

/**
 * Compiles operations to one function. It checks nothing: both sides must have as many bytes as the conversion says.
 *
 * @param littleEndian - Byte order of the values, default this machine's.
 */
export function compileCopy(
  operations: readonly CopyOperation[],
  littleEndian: boolean = machineIsLittleEndian,
): CopyFunction {
  const steps = operations.map(operation => compileOne(operation, littleEndian))
  const [only] = steps
  if (only && steps.length === 1) return only
  return (from, fromOffset, to, toOffset) => {
    for (const step of steps) step(from, fromOffset, to, toOffset)
  }
}

function compileOne(operation: CopyOperation, littleEndian: boolean): CopyFunction {
  switch (operation.op) {
    case 'bytes':
      return copyBytes(operation.from, operation.to, operation.size)
    case 'integer':
      return isWholeBytes(operation.from) && isWholeBytes(operation.to)
        ? copyWholeInteger(operation.from, operation.to, littleEndian)
        : copyBits(operation.from, operation.to, littleEndian)
    case 'each': {
      const { count, from: first, fromStride, to: firstTo, toStride } = operation
      const copy = compileCopy(operation.operations, littleEndian)
      return (from, fromOffset, to, toOffset) => {
        for (let i = 0; i < count; i++) {
          copy(from, fromOffset + first + i * fromStride, to, toOffset + firstTo + i * toStride)
        }
      }
    }
  }
}

/** Up to here a loop is faster than two views. */
const smallSize = 48

function copyBytes(fromAt: number, toAt: number, size: number): CopyFunction {
  if (size > smallSize) {
    return (from, fromOffset, to, toOffset) => {
      const start = fromOffset + fromAt
      to.set(from.subarray(start, start + size), toOffset + toAt)
    }
  }
  return (from, fromOffset, to, toOffset) => {
    const start = fromOffset + fromAt
    const target = toOffset + toAt
    for (let i = 0; i < size; i++) to[target + i] = from[start + i]!
  }
}

function isWholeBytes({ bitOffset, bitSize }: IntegerPlace): boolean {
  return bitOffset % 8 === 0 && bitSize % 8 === 0
}

/** Least significant byte first, whatever the byte order: what is missing is filled with the sign. */
function copyWholeInteger(from: IntegerPlace, to: IntegerPlace, littleEndian: boolean): CopyFunction {
  const fromBytes = from.bitSize / 8
  const toBytes = to.bitSize / 8
  const step = littleEndian ? 1 : -1
  const fromLow = from.bitOffset / 8 + (littleEndian ? 0 : fromBytes - 1)
  const toLow = to.bitOffset / 8 + (littleEndian ? 0 : toBytes - 1)
  const common = Math.min(fromBytes, toBytes)
  const highest = fromLow + step * (fromBytes - 1)
  return (source, fromOffset, target, toOffset) => {
    for (let i = 0; i < common; i++) {
      target[toOffset + toLow + step * i] = source[fromOffset + fromLow + step * i]!
    }
    const isNegative = from.signed && source[fromOffset + highest]! >= 0x80
    for (let i = common; i < toBytes; i++) target[toOffset + toLow + step * i] = isNegative ? 0xff : 0
  }
}

function copyBits(from: IntegerPlace, to: IntegerPlace, littleEndian: boolean): CopyFunction {
  // narrow ones go through numbers, which is several times faster
  if (from.bitSize <= 32 && to.bitSize <= 32) {
    const source = narrowBits(from.bitOffset, from.bitSize, from.signed, littleEndian)
    const target = narrowBits(to.bitOffset, to.bitSize, false, littleEndian)
    const limit = 2 ** to.bitSize
    return (bytes, fromOffset, toBytes, toOffset) => {
      const value = source.read(viewOf(bytes), fromOffset) % limit
      target.write(viewOf(toBytes), toOffset, value < 0 ? value + limit : value)
    }
  }
  const source = wideBits(from.bitOffset, from.bitSize, from.signed, littleEndian)
  const target = wideBits(to.bitOffset, to.bitSize, false, littleEndian)
  return (bytes, fromOffset, toBytes, toOffset) => {
    const value = source.read(viewOf(bytes), fromOffset)
    target.write(viewOf(toBytes), toOffset, BigInt.asUintN(to.bitSize, value))
  }
}
