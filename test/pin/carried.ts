import type { Conversion, CopyOperation, FieldPair } from '../../src/btf/index.ts'
import type { BpfMap } from '../../src/map/index.ts'
import type { LiveConversion } from '../../src/pin/conversion.ts'

/** An unsigned integer of so many bytes that moves. */
export function integer(from: number, to: number, size: number, toSize: number = size): CopyOperation {
  const place = (offset: number, bytes: number) => ({
    bitOffset: 8 * offset,
    bitSize: 8 * bytes,
    signed: false,
  })
  return { op: 'integer', from: place(from, size), to: place(to, toSize) }
}

/** What the comparison of two layouts gives, written by hand. */
export function conversionOf(fromSize: number, toSize: number, pairs: readonly FieldPair[]): Conversion {
  return { fromSize, toSize, littleEndian: true, pairs, operations: pairs.map(({ copy }) => copy) }
}

/** `struct flow` to `struct wide_flow` of the fixture `carry`. */
export const flowConversion: Conversion = conversionOf(24, 32, [
  { path: 'packets', copy: integer(0, 8, 8), merge: 'sum' },
  { path: 'bytes', copy: integer(8, 0, 8), merge: 'sum' },
  { path: 'state', copy: integer(16, 16, 4), merge: 'last' },
])

export function liveConversion(
  old: BpfMap,
  next: BpfMap,
  value: Conversion = flowConversion,
): LiveConversion {
  return {
    name: old.name,
    old: { fd: old.fd, shape: old.shape },
    new: { fd: next.fd, shape: next.shape },
    value,
  }
}
