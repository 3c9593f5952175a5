import {
  type Btf,
  type BtfMember,
  type BtfType,
  type CoreKind,
  didYouMean,
  essentialName,
  type TypeId,
  typeName,
} from '../../btf/index.ts'
import { type Access, isInside, type Step, stepsLimit, stepsText, subjectOf } from './access.ts'
import { areFieldsCompatible, areTypesCompatible } from './compatible.ts'
import { doTypesMatch } from './match-types.ts'
import { refusal } from './refusal.ts'
import { isComposite, isEnum, sizeIn } from './sizes.ts'

/** Why a candidate is not what a program means; the text is made only when it is wanted. */
export interface Miss {
  readonly miss: () => string
}

/**
 * Finds in a candidate what a program accesses in its own type.
 *
 * @throws BpfError `ERR_CORE`, BtfError for types that cannot be gone through.
 */
export function findAccess(local: Access, kind: CoreKind, btf: Btf, root: TypeId): Access | Miss {
  switch (subjectOf(kind)) {
    case 'type':
      return findType(local, kind, btf, root)
    case 'enumerator':
      return findEnumerator(local, btf, root)
    case 'field':
      return findField(local, btf, root)
  }
}

function findType(local: Access, kind: CoreKind, btf: Btf, root: TypeId): Access | Miss {
  const isSame = kind === 'type_matches' ? doTypesMatch : areTypesCompatible
  if (isSame(local.btf, local.root, btf, root)) return { btf, root, steps: [], bitOffset: 0 }
  return { miss: () => `is ${typeName(btf, btf.resolveId(root))}, which is not the same` }
}

function findEnumerator(local: Access, btf: Btf, root: TypeId): Access | Miss {
  const type = btf.resolve(root)
  const name = local.steps[0]!.name!
  if (!isEnum(type)) return { miss: () => 'is no enum' }
  const index = type.values.findIndex(value => essentialName(value.name) === essentialName(name))
  if (index >= 0)
    return { btf, root, steps: [{ type: type.id, index, name: type.values[index]!.name }], bitOffset: 0 }
  // names of one enum begin alike: most of them would be near
  return { miss: () => `has no '${name}'` }
}

function findField(local: Access, btf: Btf, root: TypeId): Access | Miss {
  const steps: Step[] = []
  let bitOffset = 0
  let depth = 0
  let at = root
  for (const [i, step] of local.steps.entries()) {
    const found: Found | Miss =
      step.name === undefined
        ? findElement(btf, at, step.index, steps, i === 0 ? root : undefined)
        : findMember(local, i, btf, at, depth)
    if ('miss' in found) return found
    steps.push(found.step)
    bitOffset += found.bitOffset
    depth = (found.depth ?? depth) + 1
    if (depth > stepsLimit) throw tooDeep(btf, root)
    at = found.next
  }
  return { btf, root, steps, bitOffset }
}

interface Found {
  readonly step: Step
  /** From the start of what it is in. */
  readonly bitOffset: number
  /** The type of what was found. */
  readonly next: TypeId
  /** Of a member: the steps before it, those through members without names too. */
  readonly depth?: number
}

/** The first index is one by the pointer, whatever it points to; any other needs an array. */
function findElement(
  btf: Btf,
  at: TypeId,
  index: number,
  before: readonly Step[],
  root: TypeId | undefined,
): Found | Miss {
  const array = btf.resolve(at)
  if (root === undefined) {
    const path = (): string => stepsText(before.slice(1))
    if (array.kind !== 'array') return { miss: () => `has no array at ${path()}` }
    if (!isInside(btf, before.at(-1), array, index)) {
      return { miss: () => `has ${array.length} elements at ${path()}, and no ${index}` }
    }
  }
  const type = btf.resolveId(root ?? (array.kind === 'array' ? array.elementType : at))
  return { step: { type, index, name: undefined }, bitOffset: 8 * index * sizeIn(btf, type), next: type }
}

/** A member by its name, in the struct itself or in the members without a name that it has. */
function findMember(local: Access, at: number, btf: Btf, id: TypeId, depth: number): Found | Miss {
  const { name, type: localType, index } = local.steps[at]!
  const type = btf.resolve(id)
  if (!isComposite(type)) return { miss: () => `has something else where '${name}' would be` }
  // libbpf takes as many steps, also where none of them has a name (bpf_core_match_member)
  if (depth >= stepsLimit) throw tooDeep(btf, id)
  for (const [i, member] of type.members.entries()) {
    if (member.name === name) return checked(member, i)
    if (member.name !== '') continue
    const found = findMember(local, at, btf, member.type, depth + 1)
    if ('step' in found) return { ...found, bitOffset: member.bitOffset + found.bitOffset }
  }
  return { miss: () => `has no member '${name}'${didYouMean(name ?? '', memberNames(btf, type))}` }

  function checked(member: BtfMember, i: number): Found | Miss {
    const wanted = memberType(local.btf.type(localType), index)
    if (areFieldsCompatible(local.btf, wanted, btf, member.type)) {
      return {
        step: { type: btf.resolveId(id), index: i, name: member.name },
        bitOffset: member.bitOffset,
        next: member.type,
        depth,
      }
    }
    const [theirs, ours] = [typeName(btf, member.type), typeName(local.btf, wanted)]
    return { miss: () => `has '${name}' as ${theirs}, the program has ${ours}` }
  }
}

function tooDeep(btf: Btf, id: TypeId): Error {
  return refusal(`what it accesses is more than ${stepsLimit} steps deep, at ${typeName(btf, id)}`)
}

function memberType(type: BtfType, index: number): TypeId {
  return isComposite(type) ? type.members[index]!.type : 0
}

/** The names that a program can write behind the dot. */
function memberNames(btf: Btf, type: BtfType, depth = 0): string[] {
  if (!isComposite(type) || depth > stepsLimit) return []
  return type.members.flatMap(member =>
    member.name === '' ? memberNames(btf, btf.resolve(member.type), depth + 1) : [member.name],
  )
}
