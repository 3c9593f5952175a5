import { type Btf, type BtfInt, depthLimit, essentialName, type TypeId } from '../../btf/index.ts'
import { refusal } from './refusal.ts'
import { areOfOneKind, isComposite } from './sizes.ts'

/**
 * May a field of the one type be read as the other? Structs and unions, pointers, floats and integers of any size may, each
 * kind among itself; enums and forward declarations if their names are the same or one has none; arrays if their elements
 * may (tools/lib/bpf/relo_core.c: bpf_core_fields_are_compat).
 */
export function areFieldsCompatible(local: Btf, localId: TypeId, target: Btf, targetId: TypeId): boolean {
  let a = local.resolve(localId)
  let b = target.resolve(targetId)
  for (let depth = 0; a.kind === 'array' && b.kind === 'array'; depth++) {
    if (depth > depthLimit) throw tooDeep()
    a = local.resolve(a.elementType)
    b = target.resolve(b.elementType)
  }
  if (isComposite(a) && isComposite(b)) return true
  if (!areOfOneKind(a, b)) return false
  switch (a.kind) {
    case 'ptr':
    case 'float':
      return true
    case 'fwd':
    case 'enum':
    case 'enum64':
      return a.name === '' || b.name === '' || essentialName(a.name) === essentialName(b.name)
    case 'int':
      return b.kind === 'int' && areWhole(a, b)
    default:
      return false
  }
}

/**
 * Is this the type that the program means, for relocations about types? Names are compared before; here structs, unions,
 * enums and integers of any content and size are the same, pointers, arrays of any length and functions if what they are
 * made of is (tools/lib/bpf/relo_core.c: bpf_core_types_are_compat).
 *
 * @throws BpfError `ERR_CORE` for types that are nested more than 32 deep.
 */
export function areTypesCompatible(local: Btf, localId: TypeId, target: Btf, targetId: TypeId): boolean {
  if (!areOfOneKind(local.type(localId), target.type(targetId))) return false
  return areCompatible(local, localId, target, targetId, depthLimit)
}

function areCompatible(local: Btf, localId: TypeId, target: Btf, targetId: TypeId, level: number): boolean {
  let a = local.resolve(localId)
  let b = target.resolve(targetId)
  for (let depth = 1; depth <= depthLimit; depth++) {
    if (!areOfOneKind(a, b)) return false
    if (a.kind === 'ptr' && b.kind === 'ptr') {
      a = local.resolve(a.type)
      b = target.resolve(b.type)
    } else if (a.kind === 'array' && b.kind === 'array') {
      a = local.resolve(a.elementType)
      b = target.resolve(b.elementType)
    } else if (a.kind === 'func_proto' && b.kind === 'func_proto') {
      const theirs = b.params
      if (a.params.length !== theirs.length) return false
      if (a.params.length > 0 && level <= 0) throw tooDeep()
      const isSame = a.params.every((param, i) =>
        areCompatible(local, param.type, target, theirs[i]!.type, level - 1),
      )
      if (!isSame) return false
      a = local.resolve(a.returnType)
      b = target.resolve(b.returnType)
    } else {
      return isCompatibleLeaf(a.kind) || (a.kind === 'int' && b.kind === 'int' && areWhole(a, b))
    }
  }
  throw tooDeep()
}

function isCompatibleLeaf(kind: string): boolean {
  return ['void', 'struct', 'union', 'enum', 'enum64', 'fwd'].includes(kind)
}

/** Bitfields as compilers wrote them before Linux 4.20 are integers that start inside of themselves. */
function areWhole(a: BtfInt, b: BtfInt): boolean {
  return a.bitOffset === 0 && b.bitOffset === 0
}

export function tooDeep(): Error {
  return refusal(`its types are nested more than ${depthLimit} deep`)
}
