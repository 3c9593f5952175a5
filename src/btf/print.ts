import type { Btf } from './btf.ts'
import type { BtfFuncProto, TypeId } from './types.ts'

/** How many types one name may be made of; a name that needs more ends in `...`. */
const partsLimit = 100

/**
 * A type as C writes it, on one line: `struct flow *`, `__u64[4]`, `int (*)(struct ctx *, char)`. The members of a
 * struct without a name are not shown: `struct {...}`. A `btf_type_tag` is written as its macro is by convention,
 * `__kptr`.
 */
export function typeName(btf: Btf, id: TypeId): string {
  return declare(btf, id, '', { parts: 0 })
}

/** How much of the name has been made; a malformed blob could lead on for ever. */
interface Progress {
  parts: number
}

/** C declarations are written inside out: `inner` is what stands around the name so far. */
function declare(btf: Btf, id: TypeId, inner: string, progress: Progress): string {
  if (++progress.parts > partsLimit) return join('...', inner)
  const type = btf.type(id)
  switch (type.kind) {
    case 'struct':
    case 'union':
    case 'enum':
      return join(`${type.kind} ${type.name || '{...}'}`, inner)
    case 'enum64':
      return join(`enum ${type.name || '{...}'}`, inner)
    case 'fwd':
      return join(`${type.of} ${type.name}`, inner)
    case 'ptr':
      return declare(btf, type.type, asPointer(btf, type.type, inner), progress)
    case 'const':
    case 'volatile':
    case 'restrict':
      return qualify(btf, type.type, type.kind, inner, progress)
    case 'type_tag':
      return qualify(btf, type.type, type.attribute ? type.name : `__${type.name}`, inner, progress)
    case 'array':
      return declare(btf, type.elementType, `${inner}[${type.length}]`, progress)
    case 'func_proto':
      return declare(btf, type.returnType, `${inner}(${paramNames(btf, type, progress)})`, progress)
    case 'func':
    case 'var':
      return declare(btf, type.type, type.name, progress)
    case 'decl_tag':
      return `decl_tag ${type.name}`
    default:
      return join(type.name, inner)
  }
}

/** `struct flow *`, `int (*)[4]`, but `__u64[4]`. */
function join(base: string, inner: string): string {
  return inner === '' || inner.startsWith('[') ? base + inner : `${base} ${inner}`
}

/** `*name`, in parentheses where what stands behind a name would bind first. */
function asPointer(btf: Btf, target: TypeId, inner: string): string {
  const kind = btf.kindOf(target)
  return kind === 'array' || kind === 'func_proto' ? `(*${inner})` : `*${inner}`
}

/** A qualifier stands in front of a base type, and behind the star of a pointer. */
function qualify(btf: Btf, target: TypeId, qualifier: string, inner: string, progress: Progress): string {
  return behindStar(btf, target)
    ? declare(btf, target, join(qualifier, inner), progress)
    : `${qualifier} ${declare(btf, target, inner, progress)}`
}

/** Whether the type is a pointer, below further qualifiers perhaps. */
function behindStar(btf: Btf, id: TypeId): boolean {
  for (let depth = 0, at = id; depth < partsLimit; depth++) {
    const type = btf.type(at)
    if (type.kind === 'ptr') return true
    if (
      type.kind !== 'const' &&
      type.kind !== 'volatile' &&
      type.kind !== 'restrict' &&
      type.kind !== 'type_tag'
    )
      break
    at = type.type
  }
  return false
}

function paramNames(btf: Btf, proto: BtfFuncProto, progress: Progress): string {
  if (proto.params.length === 0) return 'void'
  return proto.params
    .map(param => (param.type === 0 ? '...' : declare(btf, param.type, '', progress)))
    .join(', ')
}
