import type { Conversion, CopyOperation, FieldPair } from '../../src/btf/index.ts'
import { conversionOf, integer } from './carried.ts'

/** The same numbers for the same seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

type Random = (below: number) => number

/** Places fields one behind the other, with gaps, aligned as asked. */
class Side {
  end = 0
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  place(size: number, alignment: number): number {
    const gap = this.#random(3) === 0 ? this.#random(9) : 0
    const at = Math.ceil((this.end + gap) / alignment) * alignment
    this.end = at + size
    return at
  }
}

/** A few fields of every kind on both sides, each at a random place. Sums only where `isSummed`. */
export function randomConversion(random: Random): Conversion {
  const [from, to] = [new Side(random), new Side(random)]
  const pairs: FieldPair[] = []
  const fields = 1 + random(8)
  for (let i = 0; i < fields; i++) {
    const merge = random(3) === 0 ? 'sum' : 'last'
    const copy = merge === 'sum' ? randomSum(random, from, to) : randomField(random, from, to)
    pairs.push({ path: `f${i}`, copy, merge })
  }
  return conversionOf(from.end + random(5), to.end + random(5), pairs)
}

function randomSum(random: Random, from: Side, to: Side): CopyOperation {
  const [size, toSize] = [[4, 8][random(2)]!, [4, 8][random(2)]!]
  if (random(3) > 0) return integer(from.place(size, size), to.place(toSize, toSize), size, toSize)
  const count = 1 + random(80)
  const element = integer(0, 0, size, toSize)
  return {
    ...{ op: 'each', count, from: from.place(count * size, size), fromStride: size },
    ...{ to: to.place(count * toSize, toSize), toStride: toSize, operations: [element] },
  }
}

function randomField(random: Random, from: Side, to: Side): CopyOperation {
  switch (random(5)) {
    case 0: {
      const size = 1 + random(random(4) === 0 ? 400 : 20)
      return { op: 'bytes', from: from.place(size, 1), to: to.place(size, 1), size }
    }
    case 1: {
      const size = [1, 2, 4, 8][random(4)]!
      return { op: 'bytes', from: from.place(size, size), to: to.place(size, size), size }
    }
    case 2: {
      const [size, toSize] = [[1, 2, 4, 8][random(4)]!, [1, 2, 4, 8][random(4)]!]
      const place = (at: number, bytes: number) => ({
        bitOffset: 8 * at,
        bitSize: 8 * bytes,
        signed: random(2) === 0,
      })
      return { op: 'integer', from: place(from.place(size, 1), size), to: place(to.place(toSize, 1), toSize) }
    }
    case 3: {
      // bitfields in a word of their own, at any bit of it
      const bits = (side: Side) => {
        const bitSize = 1 + random(64)
        const at = side.place(8, 1)
        return { bitOffset: 8 * at + random(65 - bitSize), bitSize, signed: random(2) === 0 }
      }
      return { op: 'integer', from: bits(from), to: bits(to) }
    }
    default: {
      const count = 1 + random(90)
      const [inner, innerTo] = [new Side(random), new Side(random)]
      const operations = Array.from({ length: 1 + random(3) }, () =>
        random(2) === 0 ? integerOf(random, inner, innerTo) : bytesOf(random, inner, innerTo),
      )
      const [fromStride, toStride] = [inner.end + random(5), innerTo.end + random(9)]
      return {
        ...{ op: 'each', count, from: from.place(count * fromStride, 1), fromStride },
        ...{ to: to.place(count * toStride, [1, 4, 8][random(3)]!), toStride, operations },
      }
    }
  }
}

function integerOf(random: Random, from: Side, to: Side): CopyOperation {
  const [size, toSize] = [[1, 2, 4, 8][random(4)]!, [1, 2, 4, 8][random(4)]!]
  return integer(from.place(size, size), to.place(toSize, toSize), size, toSize)
}

function bytesOf(random: Random, from: Side, to: Side): CopyOperation {
  const size = 1 + random(12)
  return { op: 'bytes', from: from.place(size, 1), to: to.place(size, 1), size }
}
