import type { Conversion, CopyOperation, FieldPair } from '../btf/index.ts'

/**
 * Carries into `live` what changed from `before` to `now`, all three values of the new layout at the start of their
 * arrays: what the sweep program does, for maps that it cannot be used on.
 */
export type MergeFunction = (now: Uint8Array, before: Uint8Array, live: Uint8Array) => void

export function compileMerge({ pairs }: Pick<Conversion, 'pairs'>): MergeFunction {
  const fields = pairs.map(pair => compileField(pair.copy, pair.merge))
  return (now, before, live) => {
    for (const field of fields) field(now, before, live, 0)
  }
}

type FieldMerge = (now: Uint8Array, before: Uint8Array, live: Uint8Array, at: number) => void

function compileField(copy: CopyOperation, merge: FieldPair['merge']): FieldMerge {
  if (copy.op === 'each') {
    const fields = copy.operations.map(operation => compileField(operation, merge))
    return (now, before, live, at) => {
      for (let i = 0; i < copy.count; i++) {
        for (const field of fields) field(now, before, live, at + copy.to + i * copy.toStride)
      }
    }
  }
  const start = copy.op === 'bytes' ? 8 * copy.to : copy.to.bitOffset
  const bits = copy.op === 'bytes' ? 8 * copy.size : copy.to.bitSize
  return merge === 'sum' ? addBytes(start / 8, bits / 8) : takeBits(start, bits)
}

/** Little-endian: byte by byte with a carry, so that a sum has any width. */
function addBytes(offset: number, size: number): FieldMerge {
  return (now, before, live, at) => {
    let carry = 0
    for (let i = at + offset; i < at + offset + size; i++) {
      carry += live[i]! + now[i]! - before[i]!
      live[i] = carry & 0xff
      carry >>= 8
    }
  }
}

function takeBits(start: number, bits: number): FieldMerge {
  const first = start >> 3
  const masks = Array.from({ length: Math.ceil((start + bits) / 8) - first }, (_, i) => {
    const low = Math.max(0, start - 8 * (first + i))
    const high = Math.min(8, start + bits - 8 * (first + i))
    return ((1 << high) - 1) & ~((1 << low) - 1)
  })
  return (now, before, live, at) => {
    const from = at + first
    for (let i = 0; i < masks.length; i++) {
      if (((live[from + i]! ^ before[from + i]!) & masks[i]!) !== 0) return
    }
    for (let i = 0; i < masks.length; i++) {
      live[from + i] = (live[from + i]! & ~masks[i]!) | (now[from + i]! & masks[i]!)
    }
  }
}
