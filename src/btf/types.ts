/**
 * BTF kinds by number (include/uapi/linux/btf.h): `kinds[1]` is `'int'`. Linux 4.18 knows the first twelve, 5.0 `func`
 * and `func_proto`, 5.2 `var` and `datasec`, 5.13 `float`, 5.16 `decl_tag`, 5.17 `type_tag`, 6.0 `enum64`.
 */
export const kinds = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const

export type BtfKind = (typeof kinds)[number]

/** A kind in a sentence: `a struct`, `an int`. */
export function oneOf(kind: BtfKind): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`
}

/** A type id: 0 is `void`. Ids of one blob mean nothing in another. */
export type TypeId = number

interface Common {
  readonly id: TypeId
  /** Empty for an anonymous type. */
  readonly name: string
}

export interface BtfVoid extends Common {
  readonly kind: 'void'
}
export interface BtfInt extends Common {
  readonly kind: 'int'
  /** Bytes. */
  readonly size: number
  readonly signed: boolean
  readonly char: boolean
  readonly bool: boolean
  /** Width in bits; less than `size * 8` only in very old bitfield encodings. */
  readonly bits: number
  readonly bitOffset: number
}
export interface BtfPtr extends Common {
  readonly kind: 'ptr'
  readonly type: TypeId
}
export interface BtfArray extends Common {
  readonly kind: 'array'
  readonly elementType: TypeId
  readonly indexType: TypeId
  readonly length: number
}
export interface BtfMember {
  readonly name: string
  readonly type: TypeId
  /** From the start of the struct, in bits. */
  readonly bitOffset: number
  /** Width in bits of a bitfield, 0 for an ordinary member. */
  readonly bitSize: number
}
export interface BtfComposite extends Common {
  readonly kind: 'struct' | 'union'
  /** Bytes. */
  readonly size: number
  readonly members: readonly BtfMember[]
}
export interface BtfEnumerator {
  readonly name: string
  /** A number where it is exact, a bigint beyond 2^53. */
  readonly value: number | bigint
}
export interface BtfEnum extends Common {
  readonly kind: 'enum' | 'enum64'
  /** Bytes. */
  readonly size: number
  readonly signed: boolean
  readonly values: readonly BtfEnumerator[]
}
export interface BtfFwd extends Common {
  readonly kind: 'fwd'
  readonly of: 'struct' | 'union'
}
/** A name or a qualifier in front of another type. */
export interface BtfModifier extends Common {
  readonly kind: 'typedef' | 'volatile' | 'const' | 'restrict'
  readonly type: TypeId
}
/** A tag in front of another type, `__kptr` or `__user`: its name is the tag. Since Linux 5.17. */
export interface BtfTypeTag extends Common {
  readonly kind: 'type_tag'
  readonly type: TypeId
  /** The name is a compiler attribute (`address_space(1)`) and not a `btf_type_tag`. Since Linux 6.15. */
  readonly attribute: boolean
}
export interface BtfFunc extends Common {
  readonly kind: 'func'
  /** Its BtfFuncProto. */
  readonly type: TypeId
  readonly linkage: 'static' | 'global' | 'extern'
}
export interface BtfParam {
  readonly name: string
  readonly type: TypeId
}
export interface BtfFuncProto extends Common {
  readonly kind: 'func_proto'
  readonly returnType: TypeId
  /** A last parameter of type 0 without a name is `...`. */
  readonly params: readonly BtfParam[]
}
export interface BtfVar extends Common {
  readonly kind: 'var'
  readonly type: TypeId
  readonly linkage: 'static' | 'global' | 'extern'
}
export interface BtfSectionVar {
  /** Id of a BtfVar (or, in `.ksyms`, of a BtfFunc). */
  readonly type: TypeId
  /** Bytes from the start of the section; 0 in what the compiler writes, see `fillSections`. */
  readonly offset: number
  readonly size: number
}
export interface BtfDatasec extends Common {
  readonly kind: 'datasec'
  readonly size: number
  readonly variables: readonly BtfSectionVar[]
}
export interface BtfFloat extends Common {
  readonly kind: 'float'
  readonly size: number
}
/** A tag on a declaration: its name is the tag. Since Linux 5.16. */
export interface BtfDeclTag extends Common {
  readonly kind: 'decl_tag'
  readonly type: TypeId
  /** Member or parameter that is tagged; -1 tags the declaration itself. */
  readonly component: number
  /** The name is a compiler attribute and not a `btf_decl_tag`. Since Linux 6.15. */
  readonly attribute: boolean
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfFwd
  | BtfModifier
  | BtfTypeTag
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag

/** The type of one kind: `BtfTypeOf<'struct'>`. */
export type BtfTypeOf<K extends BtfKind> = OfKind<BtfType, K>

type OfKind<T, K> = T extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? T & { readonly kind: K }
    : never
  : never
