import type { Btf } from './btf.ts'
import { type FieldChange, type Grade, worstOf } from './changes.ts'
import { compareFields, type FieldList, startsNote } from './compare-fields.ts'
import type { Conversion } from './conversion.ts'
import { type Field, fieldsOf } from './layout.ts'
import type { TypeId } from './types.ts'

/** A type, and how many bytes a value of it has where it is used. */
export interface TypeAt {
  readonly btf: Btf
  readonly id: TypeId
  /** Bytes of the value; a flexible array at the end of the type fills it. */
  readonly size: number
}

/** Two layouts side by side. */
export interface LayoutComparison {
  /** The worst of the fields, and at least `convertible` where the sizes differ. */
  readonly grade: Grade
  /** Every field of either side, unchanged ones too, in the wanted side's order; dropped ones stand where they were. */
  readonly changes: readonly FieldChange[]
  /** `undefined` where it is `incompatible`. */
  readonly conversion: Conversion | undefined
}

/**
 * Compares what lies where in a value of either type, by the names of fields. Names of types, typedefs and qualifiers
 * mean nothing; sizes, places, kinds, signs, counts and numbers of enumerators do.
 *
 * @throws BtfError where a type breaks the rules of its kind, or is a DATASEC that is not filled in.
 */
export function compareLayouts(pinned: TypeAt, wanted: TypeAt): LayoutComparison {
  const a = listOf(pinned)
  const b = listOf(wanted)
  if (!a || !b) return compareSizeless(pinned, wanted)
  if (pinned.btf.littleEndian !== wanted.btf.littleEndian) return otherByteOrder
  const { changes, pairs, operations } = compareFields(a, b)
  const isResized = pinned.size !== wanted.size
  const grade = worstOf([...changes.map(change => change.grade), isResized ? 'convertible' : 'identical'])
  const conversion: Conversion | undefined =
    grade === 'incompatible'
      ? undefined
      : {
          ...{ fromSize: pinned.size, toSize: wanted.size, littleEndian: wanted.btf.littleEndian },
          ...{ pairs, operations },
        }
  const comparison = { grade, changes, conversion }
  return grade === 'identical' || grade === 'compatible' ? comparison : whenConverted(comparison)
}

/**
 * The same comparison for values that have to be converted whatever their layout is, because the map needs other
 * parameters: what only the kernel may touch starts empty then, and what would have read old padding starts anew.
 */
export function whenConverted(comparison: LayoutComparison): LayoutComparison {
  const changes = comparison.changes.map(converted)
  const grade = worstOf([comparison.grade, ...changes.map(change => change.grade)])
  return { ...comparison, grade, changes }
}

function converted(change: FieldChange): FieldChange {
  const { kernel, change: what } = change
  if (kernel === 'state' && (what === 'kept' || what === 'moved' || what === 'renamed')) {
    return { ...change, change: 'reset', grade: 'lossy', note: 'starts empty' }
  }
  if (what === 'filled' && !change.padding) {
    return { ...change, change: 'added', grade: 'convertible', note: startsNote }
  }
  return change
}

/** The fields; `undefined` for what has no size. */
function listOf({ btf, id, size }: TypeAt): FieldList | undefined {
  if (id === 0) return undefined
  const { kind } = btf.resolve(id)
  if (kind === 'fwd' || kind === 'func' || kind === 'func_proto' || kind === 'void') return undefined
  return { btf, fields: filled(fieldsOf(btf, id), size), size }
}

/** An array without a count at the very end has as many elements as the value has room for. */
function filled(fields: readonly Field[], size: number): readonly Field[] {
  return fields.map(field => {
    const { shape, offset } = field
    if (shape.kind !== 'array' || field.size > 0 || shape.stride === 0) return field
    const isLast = fields.every(other => other === field || other.bitOffset + other.bitSize <= 8 * offset)
    const count = isLast ? Math.floor((size - offset) / shape.stride) : 0
    const bytes = count * shape.stride
    return count > 0 ? { ...field, size: bytes, bitSize: 8 * bytes, shape: { ...shape, count } } : field
  })
}

/** Nothing is known of what lies inside: it is the same kind of thing or it is not. */
function compareSizeless(pinned: TypeAt, wanted: TypeAt): LayoutComparison {
  const kindOf = (btf: Btf, id: TypeId): string => (id === 0 ? 'void' : btf.resolve(id).kind)
  const { size } = wanted
  if (kindOf(pinned.btf, pinned.id) !== kindOf(wanted.btf, wanted.id)) return refused('another kind of type')
  const operations = [{ op: 'bytes', from: 0, to: 0, size: Math.min(pinned.size, size) } as const]
  return {
    grade: pinned.size === size ? 'identical' : 'incompatible',
    changes: [],
    conversion:
      pinned.size === size
        ? {
            ...{ fromSize: size, toSize: size, littleEndian: wanted.btf.littleEndian },
            ...{ pairs: operations.map(copy => ({ path: '', copy, merge: 'last' as const })), operations },
          }
        : undefined,
  }
}

const otherByteOrder = /* @__PURE__ */ refused('the other byte order')

function refused(note: string): LayoutComparison {
  const change = { path: '', change: 'retyped', grade: 'incompatible', note } as const
  return { grade: 'incompatible', changes: [change], conversion: undefined }
}
