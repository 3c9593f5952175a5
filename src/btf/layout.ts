import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import { depthLimit } from './measure.ts'
import { placedMembers } from './members.ts'
import {
  type BtfComposite,
  type BtfDatasec,
  type BtfEnumerator,
  type BtfMember,
  oneOf,
  type TypeId,
} from './types.ts'

/** More fields than any map value or data section has; a malformed type could ask for billions. */
const fieldLimit = 65_536

/** What lies at a field. */
export type Shape =
  | { readonly kind: 'int'; readonly signed: boolean; readonly bool: boolean; readonly char: boolean }
  | { readonly kind: 'float' }
  | { readonly kind: 'enum'; readonly signed: boolean; readonly values: readonly BtfEnumerator[] }
  | {
      readonly kind: 'pointer'
      readonly target: TypeId
      /** The tags on what it points to: `kptr`, `percpu_kptr`, `user`, ... */
      readonly tags: readonly string[]
    }
  | {
      readonly kind: 'array'
      readonly count: number
      /** Bytes from one element to the next. */
      readonly stride: number
      /** The fields of one element, with paths and offsets from its start. */
      readonly fields: readonly Field[]
    }
  | {
      /** A struct that only the kernel may touch: `bpf_timer`, `bpf_spin_lock`, `bpf_list_head`, ... */
      readonly kind: 'kernel'
      readonly name: string
    }

/** A union, as seen from the fields that share its bytes. */
export interface Overlap {
  /** Of the outermost union that has the field; as in {@link Field}. Empty for one without a name at the top. */
  readonly path: string
  /** Bytes from the start of the value. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
}

/** A part of a value that is not a struct or union itself. */
export interface Field {
  /** Names from the value down, `key.saddr`; empty for the whole value. Anonymous structs and unions add nothing. */
  readonly path: string
  /** The type as declared. */
  readonly type: TypeId
  /** Bytes from the start of the value (or of the array element). */
  readonly offset: number
  /** Bytes of the type; for a bitfield those of its declared type. */
  readonly size: number
  /** Bits from the start of the value. */
  readonly bitOffset: number
  /** Bits; less than `8 * size` for a bitfield. */
  readonly bitSize: number
  readonly shape: Shape
  /** Set where other fields share its bytes. */
  readonly overlap: Overlap | undefined
}

/** Structs with meaning for the kernel when they lie in a map value (kernel/bpf/btf.c, btf_find_struct_field). */
const kernelStructs: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'bpf_spin_lock',
  'bpf_res_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_task_work',
  'bpf_list_head',
  'bpf_list_node',
  'bpf_rb_root',
  'bpf_rb_node',
  'bpf_refcount',
])

/**
 * Flattens a type: what lies where in a value of it, in the order of declaration. Structs and unions become their
 * members; an array stays one field, which holds the fields of one element; anything else is the one field of its
 * value, with an empty path. A DATASEC becomes its variables (a name that occurs again gets `~1`, `~2`, ...), and must
 * be filled in. Padding is what no field covers, see {@link holesOf}.
 *
 * @throws BtfError for a type without size, one that holds itself or is nested more than 32 deep, and for more than
 * 65,536 fields.
 */
export function fieldsOf(btf: Btf, id: TypeId): readonly Field[] {
  const walk = new FieldWalk(btf)
  btf.sizeOf(id)
  walk.add(id, { path: '', bitOffset: 0, bitSize: 0, overlap: undefined }, 0)
  return walk.fields
}

/** Where the next type stands. */
interface Spot {
  readonly path: string
  readonly bitOffset: number
  /** Of a bitfield, else 0. */
  readonly bitSize: number
  readonly overlap: Overlap | undefined
}

class FieldWalk {
  readonly fields: Field[] = []
  readonly #btf: Btf
  readonly #visited: { count: number }

  constructor(btf: Btf, visited: { count: number } = { count: 0 }) {
    this.#btf = btf
    this.#visited = visited
  }

  add(id: TypeId, spot: Spot, depth: number): void {
    const type = this.#btf.resolve(id)
    const where = this.#btf.records.place(id)
    if (depth > depthLimit) {
      throw new BtfError(where, `holds itself, or is nested more than ${depthLimit} deep`)
    }
    if (++this.#visited.count > fieldLimit) {
      throw new BtfError(where, `leads to more than ${fieldLimit} fields`)
    }
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (kernelStructs.has(type.name)) this.#push(id, spot, { kind: 'kernel', name: type.name })
        else this.#addMembers(type, spot, depth)
        return
      case 'datasec':
        this.#addVariables(type, depth)
        return
      case 'var':
        this.add(type.type, spot, depth + 1)
        return
      default:
        this.#push(id, spot, this.#shapeOf(id, depth))
    }
  }

  #addMembers(composite: BtfComposite, spot: Spot, depth: number): void {
    const overlap =
      spot.overlap ??
      (composite.kind === 'union'
        ? { path: spot.path, offset: spot.bitOffset / 8, size: composite.size }
        : undefined)
    for (const member of placedMembers(this.#btf, composite)) {
      if (member.name === '' && !this.#isComposite(member)) continue // an unnamed bitfield is padding
      const bitOffset = spot.bitOffset + member.bitOffset
      this.add(
        member.type,
        { path: below(spot.path, member.name), bitOffset, bitSize: member.bitSize, overlap },
        depth + 1,
      )
    }
  }

  #isComposite(member: BtfMember): boolean {
    const kind = this.#btf.resolve(member.type).kind
    return kind === 'struct' || kind === 'union'
  }

  #addVariables(datasec: BtfDatasec, depth: number): void {
    const unfilled = datasec.size === 0 && datasec.variables.length > 0
    const where = this.#btf.records.place(datasec.id)
    if (unfilled) throw new BtfError(where, `section ${datasec.name} has no offsets yet: fill them in first`)
    const unique = uniqueNames()
    for (const variable of datasec.variables) {
      const spot = { bitOffset: 8 * variable.offset, bitSize: 0, overlap: undefined }
      this.add(variable.type, { ...spot, path: unique(this.#btf.nameOf(variable.type)) }, depth + 1)
    }
  }

  #push(id: TypeId, spot: Spot, shape: Shape): void {
    const size = this.#btf.sizeOf(id)
    const { path, bitOffset, overlap } = spot
    const bitSize = spot.bitSize || 8 * size
    this.fields.push({
      path,
      type: id,
      offset: Math.floor(bitOffset / 8),
      size,
      bitOffset,
      bitSize,
      shape,
      overlap,
    })
  }

  #shapeOf(id: TypeId, depth: number): Shape {
    const type = this.#btf.resolve(id)
    switch (type.kind) {
      case 'int':
        return { kind: 'int', signed: type.signed, bool: type.bool, char: isChar(type) }
      case 'float':
        return { kind: 'float' }
      case 'enum':
      case 'enum64':
        return { kind: 'enum', signed: type.signed, values: type.values }
      case 'ptr':
        return { kind: 'pointer', target: type.type, tags: tagsOn(this.#btf, type.type) }
      case 'array': {
        const element = new FieldWalk(this.#btf, this.#visited)
        element.add(type.elementType, { path: '', bitOffset: 0, bitSize: 0, overlap: undefined }, depth + 1)
        const stride = this.#btf.sizeOf(type.elementType)
        return { kind: 'array', count: type.length, stride, fields: element.fields }
      }
      default:
        throw new BtfError(this.#btf.records.place(id), `${oneOf(type.kind)} has no layout`)
    }
  }
}

function below(path: string, name: string): string {
  if (name === '') return path
  return path === '' ? name : `${path}.${name}`
}

/** C's plain `char`, whose arrays are text. Compilers mark it by its name only; the encoding is rarely used. */
export function isChar(int: {
  readonly name: string
  readonly char: boolean
  readonly size: number
}): boolean {
  return int.size === 1 && (int.name === 'char' || int.char)
}

/** The type tags in front of a type, outermost first. */
function tagsOn(btf: Btf, id: TypeId): readonly string[] {
  const tags: string[] = []
  for (let at = id, depth = 0; depth <= depthLimit; depth++) {
    const type = btf.type(at)
    if (type.kind === 'type_tag') tags.push(type.name)
    else if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict') break
    at = type.type
  }
  return tags
}

/** Names of a section in order: a static linker leaves several static variables of one name. */
export function uniqueNames(): (name: string) => string {
  const seen = new Map<string, number>()
  return name => {
    const times = seen.get(name) ?? 0
    seen.set(name, times + 1)
    return times === 0 ? name : `${name}~${times}`
  }
}

/** A run of bits that no field covers. */
export interface Hole {
  /** Bits from the start of the value. */
  readonly bitOffset: number
  readonly bitSize: number
}

/** The padding of a value of `size` bytes with these fields, by place. Holes inside array elements are the element's. */
export function holesOf(fields: readonly Field[], size: number): readonly Hole[] {
  const holes: Hole[] = []
  let end = 0
  const upTo = (bitOffset: number): void => {
    if (bitOffset > end) holes.push({ bitOffset: end, bitSize: bitOffset - end })
  }
  for (const { bitOffset, bitSize } of [...fields].sort((a, b) => a.bitOffset - b.bitOffset)) {
    upTo(bitOffset)
    end = Math.max(end, bitOffset + bitSize)
  }
  upTo(8 * size)
  return holes
}
