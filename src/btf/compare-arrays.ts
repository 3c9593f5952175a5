import type { Btf } from './btf.ts'
import { type ChangeKind, type FieldChange, type FieldSide, type Grade, isWorse, worstOf } from './changes.ts'
import { compareFields, type Part, sideOf, textGrade } from './compare-fields.ts'
import { forEach } from './joined-copies.ts'
import type { Field, Shape } from './layout.ts'

/** An array on one side. */
export interface ArrayField {
  readonly btf: Btf
  readonly field: Field
  readonly shape: Extract<Shape, { kind: 'array' }>
}

/** Compares two arrays of one name: their place, how many elements there are, and what an element is. */
export function compareArrays(pinned: ArrayField, wanted: ArrayField): Part {
  const { path } = wanted.field
  const a = pinned.shape
  const b = wanted.shape
  const inner = compareFields(
    { btf: pinned.btf, fields: a.fields, size: a.stride },
    { btf: wanted.btf, fields: b.fields, size: b.stride },
  )
  const array = {
    ...{ count: Math.min(a.count, b.count), from: pinned.field.offset, fromStride: a.stride },
    ...{ to: wanted.field.offset, toStride: b.stride },
  }
  const pairs = inner.pairs.flatMap(pair => {
    const copy = forEach(array, [pair.copy])
    return copy ? { ...pair, path: pair.path === '' ? path : elementPath(path, pair.path), copy } : []
  })
  const all = forEach(array, inner.operations)
  return {
    changes: changesOf(pinned, wanted, inner.changes),
    pairs,
    operations: all ? [all] : [],
  }
}

/** An array of numbers is one field to whoever reads about it; of one of structs their fields follow. */
function changesOf(pinned: ArrayField, wanted: ArrayField, inner: readonly FieldChange[]): FieldChange[] {
  const { path } = wanted.field
  const [first, ...others] = inner
  const element =
    first && others.length === 0 && first.path === '' ? asText(pinned, wanted, first) : undefined
  const own = arrayChange(pinned, wanted, element)
  if (element) return [own]
  const move = (side: FieldSide | undefined, by: number): FieldSide | undefined =>
    side && { ...side, offset: side.offset + by, bitOffset: side.bitOffset + 8 * by }
  const nested = inner.map(({ pinned: from, wanted: to, ...change }) => {
    const fromSide = move(from, pinned.field.offset)
    const toSide = move(to, wanted.field.offset)
    return {
      ...change,
      path: elementPath(path, change.path),
      ...(fromSide ? { pinned: fromSide } : {}),
      ...(toSide ? { wanted: toSide } : {}),
    }
  })
  return [own, ...nested]
}

function elementPath(array: string, inner: string): string {
  return inner === '' || inner.startsWith('[') ? `${array}[]${inner}` : `${array}[].${inner}`
}

/** The sign of `char` means something in a number, and nothing in an array of them: text, or bytes. */
function asText(pinned: ArrayField, wanted: ArrayField, element: FieldChange): FieldChange {
  const isChar = ({ shape }: ArrayField): boolean => {
    const part = shape.fields[0]?.shape
    return part?.kind === 'int' && part.char
  }
  const isBytes = pinned.shape.stride === 1 && wanted.shape.stride === 1
  if (element.change !== 'signed' || !isBytes || !(isChar(pinned) || isChar(wanted))) return element
  return { ...element, change: 'kept', grade: 'compatible', note: 'char and bytes' }
}

function arrayChange(pinned: ArrayField, wanted: ArrayField, element: FieldChange | undefined): FieldChange {
  const sides = { pinned: sideOf(pinned.btf, pinned.field), wanted: sideOf(wanted.btf, wanted.field) }
  const own = ownChange(pinned, wanted)
  const kernel = element?.kernel
  const isElements = element && element.change !== 'kept' && !isWorse(own.grade, element.grade)
  const { change, note } = isElements ? element : { ...own, note: own.note ?? element?.note }
  return {
    path: wanted.field.path,
    change,
    ...sides,
    grade: worstOf([own.grade, element?.grade ?? 'identical', textGrade(sides)]),
    ...(note === undefined ? {} : { note }),
    ...(kernel ? { kernel } : {}),
  }
}

interface OwnChange {
  readonly change: ChangeKind
  readonly grade: Grade
  readonly note?: string
}

function ownChange({ field: from, shape: a }: ArrayField, { field: to, shape: b }: ArrayField): OwnChange {
  if (b.count < a.count) {
    const note = `the last ${a.count - b.count} of ${a.count} elements`
    return { change: 'cut', grade: a.stride === 0 ? 'compatible' : 'lossy', note }
  }
  if (b.count > a.count) return { change: 'grown', grade: b.stride === 0 ? 'compatible' : 'convertible' }
  const hasMoved = from.bitOffset !== to.bitOffset && b.count * b.stride > 0
  if (a.stride !== b.stride && b.count > 1) {
    return { change: 'moved', grade: 'convertible', note: `elements of ${a.stride} -> ${b.stride} bytes` }
  }
  return hasMoved ? { change: 'moved', grade: 'convertible' } : { change: 'kept', grade: 'identical' }
}
