import type { Records } from './records.ts'
import type {
  BtfArray,
  BtfComposite,
  BtfDatasec,
  BtfEnum,
  BtfEnumerator,
  BtfFuncProto,
  BtfInt,
  BtfKind,
  BtfMember,
  BtfParam,
  BtfSectionVar,
  BtfType,
  TypeId,
} from './types.ts'

const linkages = ['static', 'global', 'extern'] as const

/** Makes the object for a type that {@link checkType} has passed. */
export function decodeType(records: Records, id: TypeId): BtfType {
  return decoders[records.kind(id)](records, id)
}

const decoders: { readonly [K in BtfKind]: (records: Records, id: TypeId) => BtfType } = {
  void: () => ({ kind: 'void', id: 0, name: 'void' }),
  int: decodeInt,
  ptr: (records, id) => ({ kind: 'ptr', id, name: records.name(id), type: records.sizeOrType(id) }),
  array: decodeArray,
  struct: (records, id) => decodeComposite(records, id, 'struct'),
  union: (records, id) => decodeComposite(records, id, 'union'),
  enum: (records, id) => decodeEnum(records, id, 'enum', 2, enumValue),
  fwd: (records, id) => ({
    kind: 'fwd',
    id,
    name: records.name(id),
    of: records.kindFlag(id) ? 'union' : 'struct',
  }),
  typedef: (records, id) => ({ kind: 'typedef', id, name: records.name(id), type: records.sizeOrType(id) }),
  volatile: (records, id) => ({ kind: 'volatile', id, name: records.name(id), type: records.sizeOrType(id) }),
  const: (records, id) => ({ kind: 'const', id, name: records.name(id), type: records.sizeOrType(id) }),
  restrict: (records, id) => ({ kind: 'restrict', id, name: records.name(id), type: records.sizeOrType(id) }),
  func: (records, id) => ({
    kind: 'func',
    id,
    name: records.name(id),
    type: records.sizeOrType(id),
    linkage: linkages[records.vlen(id)]!,
  }),
  func_proto: decodeFuncProto,
  var: (records, id) => ({
    kind: 'var',
    id,
    name: records.name(id),
    type: records.sizeOrType(id),
    linkage: linkages[records.word(id, 3)]!,
  }),
  datasec: decodeDatasec,
  float: (records, id) => ({ kind: 'float', id, name: records.name(id), size: records.sizeOrType(id) }),
  decl_tag: (records, id) => ({
    kind: 'decl_tag',
    id,
    name: records.name(id),
    type: records.sizeOrType(id),
    component: records.word(id, 3) | 0,
    attribute: records.kindFlag(id),
  }),
  type_tag: (records, id) => ({
    kind: 'type_tag',
    id,
    name: records.name(id),
    type: records.sizeOrType(id),
    attribute: records.kindFlag(id),
  }),
  enum64: (records, id) => decodeEnum(records, id, 'enum64', 3, enum64Value),
}

/** One item for each of the type's entries. */
function entries<T>(records: Records, id: TypeId, words: number, read: (at: number) => T): T[] {
  const items: T[] = []
  const end = 3 + words * records.vlen(id)
  for (let at = 3; at < end; at += words) items.push(read(at))
  return items
}

function decodeInt(records: Records, id: TypeId): BtfInt {
  const word = records.word(id, 3)
  const encoding = word >>> 24
  return {
    kind: 'int',
    id,
    name: records.name(id),
    size: records.sizeOrType(id),
    signed: (encoding & 1) !== 0,
    char: (encoding & 2) !== 0,
    bool: (encoding & 4) !== 0,
    bits: word & 0xff,
    bitOffset: (word >>> 16) & 0xff,
  }
}

function decodeArray(records: Records, id: TypeId): BtfArray {
  return {
    kind: 'array',
    id,
    name: records.name(id),
    elementType: records.word(id, 3),
    indexType: records.word(id, 4),
    length: records.word(id, 5),
  }
}

function decodeComposite(records: Records, id: TypeId, kind: 'struct' | 'union'): BtfComposite {
  const flag = records.kindFlag(id)
  const members = entries(records, id, 3, (at): BtfMember => {
    const offset = records.word(id, at + 2)
    return {
      name: records.text(records.word(id, at)),
      type: records.word(id, at + 1),
      bitOffset: flag ? offset & 0xffffff : offset,
      bitSize: flag ? offset >>> 24 : 0,
    }
  })
  return { kind, id, name: records.name(id), size: records.sizeOrType(id), members }
}

type ReadValue = (records: Records, id: TypeId, at: number, signed: boolean) => number | bigint

function decodeEnum(
  records: Records,
  id: TypeId,
  kind: 'enum' | 'enum64',
  words: number,
  read: ReadValue,
): BtfEnum {
  const signed = records.kindFlag(id)
  const values = entries(records, id, words, (at): BtfEnumerator => {
    return { name: records.text(records.word(id, at)), value: read(records, id, at + 1, signed) }
  })
  return { kind, id, name: records.name(id), size: records.sizeOrType(id), signed, values }
}

function enumValue(records: Records, id: TypeId, at: number, signed: boolean): number {
  return signed ? records.word(id, at) | 0 : records.word(id, at)
}

/** Low half first, in both byte orders. */
function enum64Value(records: Records, id: TypeId, at: number, signed: boolean): number | bigint {
  const high = signed ? records.word(id, at + 1) | 0 : records.word(id, at + 1)
  const near = high * 2 ** 32 + records.word(id, at)
  if (Number.isSafeInteger(near)) return near
  return (BigInt(high) << 32n) | BigInt(records.word(id, at))
}

function decodeFuncProto(records: Records, id: TypeId): BtfFuncProto {
  const params = entries(records, id, 2, (at): BtfParam => {
    return { name: records.text(records.word(id, at)), type: records.word(id, at + 1) }
  })
  return { kind: 'func_proto', id, name: records.name(id), returnType: records.sizeOrType(id), params }
}

function decodeDatasec(records: Records, id: TypeId): BtfDatasec {
  const variables = entries(records, id, 3, (at): BtfSectionVar => {
    return {
      type: records.word(id, at),
      offset: records.word(id, at + 1),
      size: records.word(id, at + 2),
    }
  })
  return { kind: 'datasec', id, name: records.name(id), size: records.sizeOrType(id), variables }
}
