import {
  type Btf,
  type BtfComposite,
  type BtfEnum,
  type BtfFuncProto,
  type BtfType,
  depthLimit,
  essentialName,
  type TypeId,
} from '../../btf/index.ts'
import { tooDeep } from './compatible.ts'
import { isEnum } from './sizes.ts'

/**
 * Do two types match, for `bpf_core_type_matches()`? Modifiers and typedefs are left out, names are compared without
 * flavours. Integers match by size and sign; every member, enumerator and parameter of the local type needs one in the other;
 * behind a pointer a struct needs its name only, and a forward declaration will do
 * (tools/lib/bpf/relo_core.c: bpf_core_types_match).
 *
 * @throws BpfError `ERR_CORE` for types that are nested more than 32 deep.
 */
export function doTypesMatch(local: Btf, localId: TypeId, target: Btf, targetId: TypeId): boolean {
  return new Match(local, target).types(localId, targetId, false, depthLimit)
}

class Match {
  readonly #local: Btf
  readonly #target: Btf

  constructor(local: Btf, target: Btf) {
    this.#local = local
    this.#target = target
  }

  types(localId: TypeId, targetId: TypeId, isBehindPointer: boolean, level: number): boolean {
    if (level <= 0) throw tooDeep()
    let isBehind = isBehindPointer
    let a = this.#local.resolve(localId)
    let b = this.#target.resolve(targetId)
    for (let depth = 1; depth <= depthLimit; depth++) {
      if (!doNamesMatch(a.name, b.name)) return false
      if (a.kind === 'ptr' && b.kind === 'ptr') {
        isBehind = true
        a = this.#local.resolve(a.type)
        b = this.#target.resolve(b.type)
      } else if (a.kind === 'array' && b.kind === 'array') {
        if (a.length !== b.length) return false
        a = this.#local.resolve(a.elementType)
        b = this.#target.resolve(b.elementType)
      } else if (a.kind === 'func_proto' && b.kind === 'func_proto') {
        if (!this.#parameters(a, b, isBehind, level)) return false
        a = this.#local.resolve(a.returnType)
        b = this.#target.resolve(b.returnType)
      } else {
        return this.#leaves(a, b, isBehind, level)
      }
    }
    throw tooDeep()
  }

  #parameters(a: BtfFuncProto, b: BtfFuncProto, isBehind: boolean, level: number): boolean {
    if (a.params.length !== b.params.length) return false
    return a.params.every((param, i) => this.types(param.type, b.params[i]!.type, isBehind, level - 1))
  }

  #leaves(a: BtfType, b: BtfType, isBehind: boolean, level: number): boolean {
    switch (a.kind) {
      case 'void':
        return b.kind === 'void'
      case 'int':
        return b.kind === 'int' && a.size === b.size && a.signed === b.signed
      case 'enum':
      case 'enum64':
        return isEnum(b) && doEnumsMatch(a, b)
      case 'fwd':
        return b.kind === 'fwd' ? a.of === b.of : isBehind && b.kind === a.of
      case 'struct':
      case 'union':
        if (isBehind) return a.kind === b.kind || (b.kind === 'fwd' && b.of === a.kind)
        return a.kind === b.kind && this.#composites(a, b, level)
      default:
        return false
    }
  }

  #composites(a: BtfComposite, b: BtfComposite, level: number): boolean {
    if (a.members.length > b.members.length) return false
    return a.members.every(member =>
      b.members.some(
        theirs =>
          doNamesMatch(member.name, theirs.name) && this.types(member.type, theirs.type, false, level - 1),
      ),
    )
  }
}

function doNamesMatch(local: string, target: string): boolean {
  return local === target || essentialName(local) === essentialName(target)
}

function doEnumsMatch(a: BtfEnum, b: BtfEnum): boolean {
  if (a.size !== b.size || a.values.length > b.values.length) return false
  return a.values.every(({ name }) => b.values.some(theirs => doNamesMatch(name, theirs.name)))
}
