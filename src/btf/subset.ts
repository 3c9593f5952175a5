import type { Btf } from './btf.ts'
import type { BtfType, TypeId } from './types.ts'
import { BtfWriter, type NewType } from './writer.ts'

/** A blob with some of the types of another. */
export interface Subset {
  readonly bytes: Uint8Array
  /** New ids by old ones, of every type that was taken. */
  readonly ids: ReadonlyMap<TypeId, TypeId>
}

/**
 * Writes the types with these ids and everything that they lead to, pointers included, as a blob of its own. A
 * declaration's tags come along. Types keep their order, so that equal inputs give equal bytes.
 *
 * @throws BtfError for a type that breaks the rules of its kind.
 */
export function subsetOf(btf: Btf, ids: Iterable<TypeId>): Subset {
  const taken = reach(btf, ids)
  const order = [...taken].sort((a, b) => a - b)
  const renamed = new Map<TypeId, TypeId>(order.map((id, i) => [id, i + 1]))
  const writer = new BtfWriter({ littleEndian: btf.littleEndian })
  for (const id of order) writer.add(mapTypes(btf.type(id), old => renamed.get(old) ?? 0))
  return { bytes: writer.finish(), ids: renamed }
}

function reach(btf: Btf, ids: Iterable<TypeId>): Set<TypeId> {
  const taken = new Set<TypeId>()
  const waiting = [...ids]
  const take = (): void => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (id === 0 || taken.has(id)) continue
      taken.add(id)
      mapTypes(btf.type(id), target => {
        waiting.push(target)
        return target
      })
    }
  }
  take()
  for (const id of declTagIds(btf)) {
    // a tag refers to a declaration and nothing to a tag
    if (taken.has(btf.records.sizeOrType(id))) taken.add(id)
  }
  return taken
}

function* declTagIds(btf: Btf): IterableIterator<TypeId> {
  if (btf.base) yield* declTagIds(btf.base)
  yield* btf.ids('decl_tag')
}

/** The type with every id that it refers to replaced. */
export function mapTypes(type: BtfType, map: (id: TypeId) => TypeId): NewType {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return { ...type, type: map(type.type) }
    case 'type_tag':
      return { ...type, type: map(type.type) }
    case 'decl_tag':
      return { ...type, type: map(type.type) }
    case 'func':
      return { ...type, type: map(type.type) }
    case 'var':
      return { ...type, type: map(type.type) }
    case 'array':
      return { ...type, elementType: map(type.elementType), indexType: map(type.indexType) }
    case 'struct':
    case 'union':
      return { ...type, members: type.members.map(member => ({ ...member, type: map(member.type) })) }
    case 'func_proto':
      return {
        ...type,
        returnType: map(type.returnType),
        params: type.params.map(param => ({ ...param, type: map(param.type) })),
      }
    case 'datasec':
      return { ...type, variables: type.variables.map(entry => ({ ...entry, type: map(entry.type) })) }
    default:
      return type
  }
}
