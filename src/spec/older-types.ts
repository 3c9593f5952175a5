import { type Btf, type BtfKind, parseBtf, TypeHeads, type TypeId } from '../btf/index.ts'
import { viewOf } from '../parser/view.ts'

/** A kind of type that kernels learned late, and what stands for it on those before. */
interface Substitute {
  readonly kind: BtfKind
  /** Only types of which this holds. */
  applies?(btf: Btf, id: TypeId): boolean
  /** Rewrites one type, in as many bytes. */
  rewrite(heads: TypeHeads, id: TypeId, btf: Btf): void
}

const lengthOfEntry = 3 // words: name, low half, high half; of a union's member name, type, offset

/** The latest first: a kernel that lacks one lacks all in front of it (include/uapi/linux/btf.h). */
const substitutes: readonly Substitute[] = [
  {
    // Linux 6.9: sections whose maps are not created unless asked for
    kind: 'datasec',
    applies: (btf, id) => btf.nameOf(id).startsWith('?'),
    rewrite(heads, id, btf) {
      heads.bytes[placeOfStrings(btf) + heads.get(id, 0)] = '_'.charCodeAt(0)
    },
  },
  // Linux 6.0
  { kind: 'enum64', rewrite: enumToUnion },
  {
    // Linux 5.17
    kind: 'type_tag',
    rewrite(heads, id) {
      heads.setKind(id, 'const')
      heads.set(id, 0, 0) // which has no name
    },
  },
  {
    // Linux 5.16
    kind: 'decl_tag',
    rewrite(heads, id) {
      heads.setKind(id, 'int')
      heads.set(id, 2, 1) // bytes
      heads.set(id, 3, 8) // bits, where the number of the parameter was
    },
  },
  // Linux 5.13
  { kind: 'float', rewrite: (heads, id) => heads.setKind(id, 'struct') },
]

/**
 * The same types for ever older kernels: each has one kind less than the one before, and a type of an older kind, of the
 * same size, in the place of each that it had. Ids stay. What loading needs of types is not in those kinds: an enum of 64
 * bits, a tag, a floating-point number describe, and nothing else.
 */
export function* forOlderKernels(btf: Btf): IterableIterator<Btf> {
  let types = btf
  for (const { kind, rewrite, applies = () => true } of substitutes) {
    const ids = [...types.ids(kind)].filter(id => applies(types, id))
    if (ids.length === 0) continue
    const heads = new TypeHeads(types, types.bytes.slice())
    for (const id of ids) rewrite(heads, id, types)
    types = parseBtf(heads.bytes)
    yield types
  }
}

/**
 * The same types with names that the kernel takes, where the compiler took a `$` or other letters: each byte of those is a `_`
 * (kernel/bpf/btf.c: btf_name_valid_identifier).
 */
export function withPlainNames(btf: Btf): Btf {
  const bytes = btf.bytes.slice()
  const start = placeOfStrings(btf)
  const strings = bytes.subarray(start, start + btf.records.stringsLength)
  const dollar = '$'.charCodeAt(0)
  for (const [i, byte] of strings.entries())
    if (byte > 0x7f || byte === dollar) strings[i] = '_'.charCodeAt(0)
  return parseBtf(bytes)
}

/** include/uapi/linux/btf.h: struct btf_header. */
function placeOfStrings({ bytes, littleEndian }: Btf): number {
  const header = viewOf(bytes)
  return header.getUint32(4, littleEndian) + header.getUint32(16, littleEndian)
}

/** Its names become members. Without an integer to give them there are no members. */
function enumToUnion(heads: TypeHeads, id: TypeId, btf: Btf): void {
  const count = heads.get(id, 1) & 0xffff
  const size = heads.get(id, 2)
  const integer = [...btf.ids('int')].find(each => btf.sizeOf(each) <= size)
  if (integer === undefined) return
  heads.setKind(id, 'union', count)
  for (let entry = 0; entry < count; entry++) {
    heads.set(id, lengthOfEntry * (entry + 1) + 1, integer)
    heads.set(id, lengthOfEntry * (entry + 1) + 2, 0)
  }
}
