import {
  type Btf,
  type BtfArray,
  type BtfType,
  type CoreKind,
  type CoreRelocation,
  oneOf,
  type TypeId,
  typeName,
} from '../../btf/index.ts'
import { refusal } from './refusal.ts'
import { isComposite, isEnum, isFlexible, sizeIn } from './sizes.ts'

/** How many steps one access may have: tools/lib/bpf/relo_core.h, BPF_CORE_SPEC_MAX_LEN. */
export const stepsLimit = 64

/** One step to a field that means something in C: a member that has a name, or an index. */
export interface Step {
  /** The struct or union of the member; of an index the type of the element. No modifier. */
  readonly type: TypeId
  /** Of the member in its struct, or of the element. */
  readonly index: number
  /** `undefined` for an element. */
  readonly name: string | undefined
}

/** A place that a relocation is about, in the types of the object or in those of a kernel. */
export interface Access {
  readonly btf: Btf
  /** The type that it starts from, as declared. */
  readonly root: TypeId
  /**
   * To a field: the index by the pointer first, then the members and elements. To an enumerator: one step, with its enum.
   * Empty for a type.
   */
  readonly steps: readonly Step[]
  /** Of the field, from where the pointer points. */
  readonly bitOffset: number
}

/** What relocations of a kind are about. */
export function subjectOf(kind: CoreKind): 'field' | 'type' | 'enumerator' {
  if (kind.startsWith('field_')) return 'field'
  return kind.startsWith('type_') ? 'type' : 'enumerator'
}

/**
 * Reads what a relocation accesses in the object's own types, and where that is.
 *
 * @throws BpfError `ERR_CORE` for an access that leaves the types; BtfError for types without size on the way.
 */
export function readAccess(btf: Btf, { type, access, kind }: CoreRelocation): Access {
  const subject = subjectOf(kind)
  if (subject === 'type') {
    if (access !== '0') throw refusal(`its access is '${access}', a type has '0'`)
    return { btf, root: type, steps: [], bitOffset: 0 }
  }
  const indexes = readIndexes(access)
  return subject === 'field' ? fieldAccess(btf, type, indexes) : enumeratorAccess(btf, type, indexes)
}

function readIndexes(access: string): readonly number[] {
  if (!/^\d+(:\d+)*$/.test(access)) throw refusal(`its access '${access}' is not numbers between colons`)
  const indexes = access.split(':').map(Number)
  if (indexes.length > stepsLimit)
    throw refusal(`its access has ${indexes.length} steps, the most is ${stepsLimit}`)
  return indexes
}

function enumeratorAccess(btf: Btf, root: TypeId, indexes: readonly number[]): Access {
  const type = btf.resolve(root)
  const [index = 0] = indexes
  const enumerator = isEnum(type) && indexes.length === 1 ? type.values[index] : undefined
  if (!enumerator)
    throw refusal(`its access '${indexes.join(':')}' leads to no enumerator of ${typeName(btf, root)}`)
  return { btf, root, steps: [{ type: type.id, index, name: enumerator.name }], bitOffset: 0 }
}

/** Members without a name are gone through, but are no steps: a kernel may have the field in another one, or in none. */
function fieldAccess(btf: Btf, root: TypeId, [first = 0, ...indexes]: readonly number[]): Access {
  const steps: Step[] = [{ type: btf.resolveId(root), index: first, name: undefined }]
  let bitOffset = 8 * first * sizeIn(btf, root)
  let type = btf.resolve(root)
  for (const index of indexes) {
    if (isComposite(type)) {
      const member = type.members[index]
      if (!member)
        throw refusal(`${typeName(btf, type.id)} has ${type.members.length} members, and no ${index}`)
      bitOffset += member.bitOffset
      if (member.name !== '') steps.push({ type: type.id, index, name: member.name })
      type = btf.resolve(member.type)
    } else if (type.kind === 'array') {
      const last = steps.at(-1)
      if (!isInside(btf, last, type, index)) {
        throw refusal(`${pathOf({ btf, root, steps })} has ${type.length} elements, and no ${index}`)
      }
      steps.push({ type: btf.resolveId(type.elementType), index, name: undefined })
      bitOffset += 8 * index * sizeIn(btf, type.elementType)
      type = btf.resolve(type.elementType)
    } else {
      throw refusal(
        `${pathOf({ btf, root, steps })} is ${oneOf(type.kind)}, in which there is nothing to access`,
      )
    }
  }
  return { btf, root, steps, bitOffset }
}

/** Has the array, which lies where the last step led, an element of this index? */
export function isInside(btf: Btf, last: Step | undefined, array: BtfArray, index: number): boolean {
  if (index < array.length) return true
  return last?.name !== undefined && isFlexible(btf.type(last.type), last.index, array)
}

/** An access as C writes it: `struct task_struct.comm[3]`; `enum state: BUSY`; a type by its name. */
export function pathOf({ btf, root, steps }: Pick<Access, 'btf' | 'root' | 'steps'>): string {
  const name = typeName(btf, root)
  const [first, ...rest] = steps
  if (!first) return name
  if (first.name !== undefined) return `${name}: ${first.name}`
  const start = first.index === 0 ? name : `${name}[${first.index}]`
  return start + stepsText(rest)
}

/** `.comm[3]` */
export function stepsText(steps: readonly Step[]): string {
  return steps.map(step => (step.name === undefined ? `[${step.index}]` : `.${step.name}`)).join('')
}

/** What a relocation accesses, as C writes it; as the numbers that it has where they lead nowhere. */
export function accessText(btf: Btf, relocation: CoreRelocation): string {
  try {
    return pathOf(readAccess(btf, relocation))
  } catch {
    return `${btf.nameOf(relocation.type)} ${relocation.access}`
  }
}

/** The type of what a field access leads to, as declared. */
export function fieldType({ btf, steps }: Access): TypeId {
  const { type: id, index, name } = steps.at(-1)!
  if (name === undefined) return id
  const type: BtfType = btf.type(id)
  return isComposite(type) ? type.members[index]!.type : id
}
