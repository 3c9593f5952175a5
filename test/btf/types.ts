import { type BtfInt, type BtfMember, type BtfType, BtfWriter, type TypeId } from '../../src/btf/index.ts'

export const int = {
  kind: 'int',
  name: 'int',
  size: 4,
  signed: true,
  char: false,
  bool: false,
  bits: 32,
  bitOffset: 0,
} as const

/** One of every kind, and the ways in which a kind differs from itself. */
export function everyKind(): { writer: BtfWriter; types: BtfType[] } {
  const writer = new BtfWriter()
  const types: BtfType[] = []
  const add = (type: Parameters<BtfWriter['add']>[0]): TypeId => {
    const id = writer.add(type)
    // the writer gives the id that the type was made without
    types.push({ ...type, id } as BtfType)
    return id
  }
  const number = add(int)
  const wide = add({ ...int, name: 'u128', size: 16, bits: 128, signed: false })
  add({ ...int, name: 'char', size: 1, bits: 8, char: true, signed: false })
  add({ ...int, name: '_Bool', size: 1, bits: 8, bool: true, signed: false })
  add({ ...int, name: 'old', bits: 3, bitOffset: 5 })
  const pointer = add({ kind: 'ptr', name: '', type: number })
  const array = add({ kind: 'array', name: '', elementType: wide, indexType: number, length: 3 })
  const members = [
    { name: 'a', type: number, bitOffset: 0, bitSize: 0 },
    { name: 'b', type: array, bitOffset: 128, bitSize: 0 },
  ]
  const struct = add({ kind: 'struct', name: 'plain', size: 64, members })
  add({
    kind: 'union',
    name: 'either',
    size: 64,
    members: members.map(member => ({ ...member, bitOffset: 0 })),
  })
  add({
    kind: 'struct',
    name: 'fields',
    size: 4,
    members: [{ name: 'c', type: number, bitOffset: 7, bitSize: 25 }],
  })
  add({ kind: 'enum', name: 'signs', size: 4, signed: true, values: [{ name: 'LESS', value: -1 }] })
  add({ kind: 'enum', name: 'counts', size: 2, signed: false, values: [{ name: 'MANY', value: 0xffffffff }] })
  add({ kind: 'enum64', name: 'far', size: 8, signed: true, values: [{ name: 'FAR', value: -(2n ** 63n) }] })
  add({
    kind: 'enum64',
    name: 'high',
    size: 8,
    signed: false,
    values: [
      { name: 'HIGH', value: 2n ** 64n - 1n },
      { name: 'LOW', value: 2 ** 40 },
    ],
  })
  add({ kind: 'fwd', name: 'later', of: 'struct' })
  add({ kind: 'fwd', name: 'else', of: 'union' })
  const alias = add({ kind: 'typedef', name: 'alias', type: struct })
  for (const kind of ['volatile', 'const', 'restrict'] as const) add({ kind, name: '', type: pointer })
  const params = [
    { name: 'first', type: number },
    { name: '', type: 0 },
  ]
  const proto = add({ kind: 'func_proto', name: '', returnType: alias, params })
  const func = add({ kind: 'func', name: 'call', type: proto, linkage: 'global' })
  const variables = (['static', 'global'] as const).map((linkage, i) => {
    return { type: add({ kind: 'var', name: `v${i}`, type: number, linkage }), offset: 4 * i, size: 4 }
  })
  add({ kind: 'datasec', name: '.data', size: 8, variables })
  add({ kind: 'float', name: 'double', size: 8 })
  add({ kind: 'decl_tag', name: 'whole', type: struct, component: -1, attribute: false })
  add({ kind: 'decl_tag', name: 'part', type: func, component: 0, attribute: false })
  add({ kind: 'type_tag', name: 'user', type: number, attribute: false })
  return { writer, types }
}

/** An int as C has it. */
export function plainInt(name: string, size: number, signed: boolean): Omit<BtfInt, 'id'> {
  return { kind: 'int', name, size, signed, char: false, bool: false, bits: 8 * size, bitOffset: 0 }
}

/** A member that is no bitfield. */
export function member(name: string, type: TypeId, bitOffset: number): BtfMember {
  return { name, type, bitOffset, bitSize: 0 }
}
