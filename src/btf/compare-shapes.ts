import type { Btf } from './btf.ts'
import type { ChangeKind, Grade } from './changes.ts'
import { compareEnums } from './compare-enums.ts'
import type { Field, Shape } from './layout.ts'
import { typeName } from './print.ts'

/** What became of one field by its kind and width alone, wherever it lies. */
export interface ShapeChange {
  /** `undefined`: the bytes mean the same. */
  readonly change: ChangeKind | undefined
  readonly grade: Grade
  readonly note?: string
  /** How the value is carried: as it is, by its number, by its lowest bit, or not at all. */
  readonly carry: 'bytes' | 'integer' | 'bit' | 'nothing'
}

const same: ShapeChange = { change: undefined, grade: 'identical', carry: 'bytes' }

/** A field together with the blob that its types are in. */
export interface FieldOf {
  readonly btf: Btf
  readonly field: Field
}

/** Compares two fields that are no arrays. */
export function compareShapes(pinned: FieldOf, wanted: FieldOf): ShapeChange {
  const a = pinned.field.shape
  const b = wanted.field.shape
  if (isInteger(a) && isInteger(b)) return compareIntegers(pinned.field, a, wanted.field, b)
  const kernel = kernelName(pinned)
  if (kernel !== undefined || kernelName(wanted) !== undefined) {
    return kernel === kernelName(wanted) ? { ...same, carry: 'nothing' } : kernelChange(a, b)
  }
  if (a.kind === 'pointer' && b.kind === 'pointer') return same
  if (a.kind === 'float' && b.kind === 'float' && pinned.field.size === wanted.field.size) return same
  if (isAddress(pinned.field) && isAddress(wanted.field)) {
    return { change: 'retyped', grade: 'convertible', note: 'a pointer and an integer', carry: 'bytes' }
  }
  return { change: 'retyped', grade: 'incompatible', note: 'another kind of value', carry: 'nothing' }
}

type Integer = Extract<Shape, { kind: 'int' | 'enum' }>

function isInteger(shape: Shape): shape is Integer {
  return shape.kind === 'int' || shape.kind === 'enum'
}

function isAddress({ shape, bitSize }: Field): boolean {
  return bitSize === 64 && (shape.kind === 'pointer' || shape.kind === 'int')
}

/** Pointers that the kernel keeps for a program (kernel/bpf/btf.c: btf_find_kptr). */
const kernelTags: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'kptr',
  'kptr_untrusted',
  'percpu_kptr',
  'uptr',
])

/** What the kernel takes a field for, where it alone may touch it; else `undefined`. */
function kernelName({ btf, field: { shape } }: FieldOf): string | undefined {
  if (shape.kind === 'kernel') return shape.name
  if (shape.kind !== 'pointer') return undefined
  const tag = shape.tags.find(name => kernelTags.has(name))
  return tag && `${tag} ${typeName(btf, shape.target)}`
}

/** Does the kernel keep something of its own in a field: a lock, or state that no copy carries? */
export function kernelPart({ shape }: Field): 'lock' | 'state' | undefined {
  if (shape.kind === 'kernel') return shape.name.endsWith('spin_lock') ? 'lock' : 'state'
  if (shape.kind === 'pointer') return shape.tags.some(tag => kernelTags.has(tag)) ? 'state' : undefined
  if (shape.kind !== 'array') return undefined
  const parts = shape.fields.map(kernelPart)
  return parts.includes('state') ? 'state' : parts.find(part => part !== undefined)
}

function kernelChange(a: Shape, b: Shape): ShapeChange {
  const isLock = (shape: Shape): boolean => shape.kind === 'kernel' && shape.name.endsWith('spin_lock')
  return isLock(a) && isLock(b)
    ? { change: 'retyped', grade: 'convertible', note: 'a lock has no state', carry: 'nothing' }
    : { change: 'reset', grade: 'lossy', note: 'starts empty', carry: 'nothing' }
}

/** The numbers that an integer can hold. */
interface Range {
  readonly bits: number
  readonly signed: boolean
}

function rangeOf({ bitSize }: Field, shape: Integer): Range {
  return shape.kind === 'int' && shape.bool
    ? { bits: 1, signed: false }
    : { bits: bitSize, signed: shape.signed }
}

function compareIntegers(pinned: Field, a: Integer, wanted: Field, b: Integer): ShapeChange {
  const names = a.kind === 'enum' && b.kind === 'enum' ? compareEnums(a.values, b.values) : undefined
  if (names?.grade === 'incompatible') return { change: 'renumbered', ...names, carry: 'nothing' }
  const from = rangeOf(pinned, a)
  const to = rangeOf(wanted, b)
  // an enum says which numbers there are; its sign follows from them
  const hasSign = !names && from.signed !== to.signed
  const width = pinned.bitSize === wanted.bitSize ? 'bytes' : 'integer'
  if (to.bits < from.bits) return narrowed(from, to, hasSign)
  if (hasSign && (from.signed || to.bits === from.bits)) {
    return { change: 'signed', grade: 'lossy', note: signNote(from), carry: width }
  }
  if (names?.grade === 'lossy') return { change: 'renumbered', ...names, carry: width }
  if (width === 'bytes') return { ...same, ...sameBytes(a, b), ...names }
  if (wanted.bitSize > pinned.bitSize) return { change: 'widened', grade: 'convertible', carry: width }
  return { change: 'narrowed', grade: 'convertible', note: 'every value fits', carry: width }
}

function narrowed(from: Range, to: Range, hasSign: boolean): ShapeChange {
  if (to.bits === 1 && !to.signed) {
    return { change: 'narrowed', grade: 'lossy', note: 'only 0 and 1 fit', carry: 'bit' }
  }
  const note = `${from.bits} bits into ${to.bits}${hasSign ? `, ${signNote(from)}` : ''}`
  return { change: 'narrowed', grade: 'lossy', note, carry: 'integer' }
}

function signNote({ signed }: Range): string {
  return signed ? 'signed to unsigned' : 'unsigned to signed'
}

function sameBytes(a: Integer, b: Integer): Partial<ShapeChange> {
  const kind = (shape: Integer): string => (shape.kind === 'int' && shape.bool ? 'bool' : shape.kind)
  return kind(a) === kind(b) ? {} : { grade: 'compatible', note: `${kind(a)} and ${kind(b)}` }
}
