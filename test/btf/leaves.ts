import { execFileSync } from 'node:child_process'

/** A number somewhere in a struct, as bpftool's JSON says it: elements of arrays are leaves of their own. */
export interface Leaf {
  readonly path: string
  readonly bit: number
  readonly bits: number
  readonly signed: boolean
  readonly kind: 'int' | 'bool' | 'byte' | 'pointer'
}

interface Dumped {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly size: number
  readonly type_id: number
  readonly nr_elems: number
  readonly nr_bits: number
  readonly encoding: string
  readonly members: readonly {
    readonly name: string
    readonly type_id: number
    readonly bits_offset: number
    readonly bitfield_size?: number
  }[]
}

/** Structs of an object by name, each with its size and leaves, read by bpftool and laid out by a few lines of our own. */
export function leavesByBpftool(
  object: string,
): Map<string, { readonly size: number; readonly leaves: Leaf[] }> {
  const text = execFileSync('bpftool', ['btf', 'dump', 'file', object, '-j'], { encoding: 'utf8' })
  const types = new Map((JSON.parse(text).types as Dumped[]).map(type => [type.id, type]))
  const structs = [...types.values()].filter(({ kind }) => kind === 'STRUCT')
  return new Map(
    structs.map(({ id, name, size }) => [name, { size, leaves: [...leavesOf(types, id, '', 0, 0)] }]),
  )
}

function* leavesOf(
  types: ReadonlyMap<number, Dumped>,
  id: number,
  path: string,
  bit: number,
  bitfield: number,
): Generator<Leaf> {
  const type = types.get(id)!
  const leaf = { path, bit, bits: bitfield || 8 * type.size, signed: false }
  switch (type.kind) {
    case 'STRUCT':
    case 'UNION':
      for (const { name, type_id, bits_offset, bitfield_size = 0 } of type.members) {
        const inner = name === '(anon)' ? path : path === '' ? name : `${path}.${name}`
        yield* leavesOf(types, type_id, inner, bit + bits_offset, bitfield_size)
      }
      return
    case 'ARRAY': {
      const size = sizeOf(types, type.type_id)
      for (let i = 0; i < type.nr_elems; i++) {
        yield* leavesOf(types, type.type_id, `${path}[${i}]`, bit + 8 * size * i, 0)
      }
      return
    }
    case 'INT':
      if (type.encoding === 'BOOL') yield { ...leaf, kind: 'bool' }
      else if (type.name === 'char') yield { ...leaf, kind: 'byte' }
      else yield { ...leaf, kind: 'int', signed: type.encoding === 'SIGNED' }
      return
    case 'ENUM':
      yield { ...leaf, kind: 'int', signed: type.encoding === 'SIGNED' }
      return
    case 'PTR':
      yield { ...leaf, bits: 64, kind: 'pointer' }
      return
    default:
      yield* leavesOf(types, type.type_id, path, bit, bitfield)
  }
}

function sizeOf(types: ReadonlyMap<number, Dumped>, id: number): number {
  const type = types.get(id)!
  if (type.kind === 'PTR') return 8
  if (type.kind === 'ARRAY') return type.nr_elems * sizeOf(types, type.type_id)
  return type.size ?? sizeOf(types, type.type_id)
}

/** The number at a leaf, little-endian. */
export function readLeaf(bytes: Uint8Array, { bit, bits, signed }: Leaf): bigint {
  let value = 0n
  for (let i = bits - 1; i >= 0; i--) {
    const at = bit + i
    value = (value << 1n) | BigInt((bytes[at >> 3]! >> (at & 7)) & 1)
  }
  return signed ? BigInt.asIntN(bits, value) : value
}
