import { bytesPart, textPart } from './array.ts'
import type { Btf } from './btf.ts'
import { createCodec } from './codec.ts'
import { isChar } from './layout.ts'
import type { TypeId } from './types.ts'
import type { Value } from './value.ts'

/** The array without a length that a struct ends with: `char text[]`, also written `[0]`. */
export interface FlexibleEnd {
  readonly name: string
  /** Bytes from the start of the struct: fewer than its size where padding would come. */
  readonly offset: number
  /** Reads so many bytes of it, as an array of that length; a part of an element at the end is left out. */
  decode(view: DataView, at: number, length: number): Value
}

/**
 * The last member of a struct, where that has as many elements as there is room for; of an inner struct or a union nobody could
 * say where it ends.
 *
 * @throws BtfError for elements that have no values.
 */
export function flexibleEnd(btf: Btf, id: TypeId): FlexibleEnd | undefined {
  const struct = btf.resolve(id)
  const last = struct.kind === 'struct' ? struct.members.at(-1) : undefined
  if (!last || last.name === '') return undefined
  const array = btf.resolve(last.type)
  if (array.kind !== 'array' || array.length !== 0) return undefined
  return { name: last.name, offset: last.bitOffset / 8, decode: elementsOf(btf, array.elementType) }
}

function elementsOf(btf: Btf, type: TypeId): FlexibleEnd['decode'] {
  const element = btf.resolve(type)
  if (element.kind === 'int' && element.size === 1 && element.bits === 8) {
    if (isChar(element)) return (view, at, length) => textPart(length).decode(view, at)
    if (!element.signed && !element.bool) return (view, at, length) => bytesPart(length).decode(view, at)
  }
  const codec = createCodec(btf, type)
  // elements without a size would be without number
  if (codec.size === 0) return () => []
  return (view, at, length) =>
    Array.from({ length: Math.floor(length / codec.size) }, (_, i) => codec.decode(view, at + i * codec.size))
}
