import {
  type Btf,
  type BtfArray,
  type BtfComposite,
  type BtfType,
  depthLimit,
  type TypeId,
} from '../../btf/index.ts'
import { refusal } from './refusal.ts'

/** What compilers call the integer that is as wide as a pointer on all machines that Linux runs on. */
const longs = ['long', 'long int', 'long unsigned int', 'unsigned long']

/** Bytes of a pointer where these types are from: those of a kernel of 32 bits have 4. */
function pointerSizeIn(btf: Btf): number {
  for (const name of longs) {
    const long = btf.find(name, 'int')
    if (long) return long.size === 4 ? 4 : 8
  }
  return 8
}

/**
 * Bytes of a value of the type where its types are from.
 *
 * @throws BtfError for a type without size.
 */
export function sizeIn(btf: Btf, id: TypeId): number {
  let times = 1
  let type = btf.resolve(id)
  for (let depth = 0; type.kind === 'array'; depth++) {
    if (depth > depthLimit) throw refusal(`an array has more than ${depthLimit} dimensions`)
    times *= type.length
    type = btf.resolve(type.elementType)
  }
  return times * (type.kind === 'ptr' ? pointerSizeIn(btf) : btf.sizeOf(type.id))
}

/** What an array of arrays is made of; any other type is made of itself. */
export function innermost(btf: Btf, id: TypeId): BtfType {
  let type = btf.resolve(id)
  for (let depth = 0; type.kind === 'array'; depth++) {
    if (depth > depthLimit) throw refusal(`an array has more than ${depthLimit} dimensions`)
    type = btf.resolve(type.elementType)
  }
  return type
}

export function isComposite(type: BtfType): type is BtfComposite {
  return type.kind === 'struct' || type.kind === 'union'
}

export function isEnum(type: BtfType): type is BtfType & { readonly kind: 'enum' | 'enum64' } {
  return type.kind === 'enum' || type.kind === 'enum64'
}

/** Kinds that may stand for each other: an enum and one of 64 bits do. */
export function areOfOneKind(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b))
}

/** May an index lie behind the end? In the last member of a struct, if that is an array without a length. */
export function isFlexible(composite: BtfType | undefined, member: number, array: BtfArray): boolean {
  return (
    array.length === 0 &&
    composite !== undefined &&
    isComposite(composite) &&
    member === composite.members.length - 1
  )
}
