import type { BtfType } from '../../src/btf/index.ts'
import type { DumpedType } from './objects.ts'

/** A decoded type in the words of `bpftool btf dump --json`, so that the two can be compared whole. */
export function asDumped(type: BtfType): DumpedType {
  const named = { id: type.id, kind: type.kind.toUpperCase(), name: type.name || '(anon)' }
  switch (type.kind) {
    case 'int':
      return {
        ...named,
        size: type.size,
        bits_offset: type.bitOffset,
        nr_bits: type.bits,
        encoding: type.signed ? 'SIGNED' : type.char ? 'CHAR' : type.bool ? 'BOOL' : '(none)',
      }
    case 'array':
      return { ...named, type_id: type.elementType, index_type_id: type.indexType, nr_elems: type.length }
    case 'struct':
    case 'union':
      return { ...named, size: type.size, vlen: type.members.length, members: type.members.map(dumpedMember) }
    case 'enum':
    case 'enum64':
      return {
        ...named,
        encoding: type.signed ? 'SIGNED' : 'UNSIGNED',
        size: type.size,
        vlen: type.values.length,
        values: type.values.map(({ name, value }) => ({ name, val: dumpedValue(value) })),
      }
    case 'fwd':
      return { ...named, fwd_kind: type.of }
    case 'func':
      return { ...named, type_id: type.type, linkage: type.linkage }
    case 'func_proto':
      return {
        ...named,
        ret_type_id: type.returnType,
        vlen: type.params.length,
        params: type.params.map(param => ({ name: param.name || '(anon)', type_id: param.type })),
      }
    case 'var':
      return { ...named, type_id: type.type, linkage: type.linkage }
    case 'datasec':
      return {
        ...named,
        size: type.size,
        vlen: type.variables.length,
        vars: type.variables.map(entry => ({ type_id: entry.type, offset: entry.offset, size: entry.size })),
      }
    case 'float':
      return { ...named, size: type.size }
    case 'decl_tag':
      return { ...named, type_id: type.type, component_idx: type.component }
    case 'void':
      return named
    default:
      return { ...named, type_id: type.type }
  }
}

function dumpedMember(member: { name: string; type: number; bitOffset: number; bitSize: number }) {
  const plain = { name: member.name || '(anon)', type_id: member.type, bits_offset: member.bitOffset }
  return member.bitSize === 0 ? plain : { ...plain, bitfield_size: member.bitSize }
}

/** Long numbers are kept as text in what bpftool said. */
function dumpedValue(value: number | bigint): number | string {
  return String(value).replace(/\D/g, '').length >= 16 ? String(value) : Number(value)
}
