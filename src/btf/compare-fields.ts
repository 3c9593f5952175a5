import type { Btf } from './btf.ts'
import { type ChangeKind, type FieldChange, type FieldSide, type Grade, worstOf } from './changes.ts'
import { compareArrays } from './compare-arrays.ts'
import { compareShapes, kernelPart, type ShapeChange } from './compare-shapes.ts'
import { compareUnion, type UnionGroup, unionGroups } from './compare-unions.ts'
import type { CopyOperation, FieldPair, IntegerPlace } from './conversion.ts'
import { joinCopies } from './joined-copies.ts'
import type { Field } from './layout.ts'
import { type Holes, holesAround, isPadding } from './padding.ts'
import { type Pairing, pairUp } from './pairing.ts'
import { typeName } from './print.ts'

/** The fields of a value, or of an array's element, on one side. */
export interface FieldList {
  readonly btf: Btf
  readonly fields: readonly Field[]
  /** Bytes. */
  readonly size: number
}

/** What comparing two lists of fields gives. Operations are in the order of the wanted side, neighbours joined. */
export interface Outcome {
  readonly changes: readonly FieldChange[]
  readonly pairs: readonly FieldPair[]
  readonly operations: readonly CopyOperation[]
}

/** Compares two lists of fields by their names. */
export function compareFields(pinned: FieldList, wanted: FieldList): Outcome {
  return new FieldComparison(pinned, wanted).run()
}

/** What is known of one pair of fields, or of a union: its changes, and how it is carried. */
export interface Part {
  readonly changes: readonly FieldChange[]
  readonly pairs?: readonly FieldPair[]
  readonly operations?: readonly CopyOperation[]
}

class FieldComparison {
  readonly #pinned: FieldList
  readonly #wanted: FieldList
  readonly #pairing: Pairing
  /** The padding of the pinned side. */
  readonly #free: Holes
  /** The same, with fields that are padding by their name. */
  readonly #unnamed: Holes
  readonly #parts: Part[] = []

  constructor(pinned: FieldList, wanted: FieldList) {
    this.#pinned = pinned
    this.#wanted = wanted
    this.#pairing = pairUp(pinned.fields, wanted.fields)
    this.#free = holesAround(pinned.fields, pinned.size)
    const real = pinned.fields.filter(field => !isPadding(field))
    this.#unnamed = holesAround(real, pinned.size)
  }

  run(): Outcome {
    const { both, padding, instead, renamed, dropped, added } = this.#pairing
    const unions = unionGroups(both, dropped, added)
    for (const [from, to] of both) {
      if (!unions.members.has(from)) this.#parts.push(this.#pair(from, to))
    }
    for (const group of unions.groups) this.#union(group)
    for (const { from, to } of padding) this.#padding(from, to)
    for (const { path, from, to } of instead) this.#instead(path, from, to)
    for (const [from, to] of renamed) this.#renamed(from, to)
    for (const field of dropped) if (!unions.members.has(field)) this.#dropped(field)
    for (const field of added) if (!unions.members.has(field)) this.#added(field)
    return this.#finish()
  }

  #finish(): Outcome {
    const around = (list: FieldList): { size: number; holes: Holes } => ({
      size: list.size,
      holes: holesAround(list.fields, list.size),
    })
    return {
      changes: inOrder(this.#parts.flatMap(({ changes }) => (changes.length > 0 ? [changes] : []))),
      pairs: this.#parts.flatMap(({ pairs = [] }) => pairs),
      operations: joinCopies(
        this.#parts.flatMap(({ operations = [] }) => operations),
        { pinned: around(this.#pinned), wanted: around(this.#wanted) },
      ),
    }
  }

  #sides(from: Field, to: Field): { readonly pinned: FieldSide; readonly wanted: FieldSide } {
    return { pinned: sideOf(this.#pinned.btf, from), wanted: sideOf(this.#wanted.btf, to) }
  }

  #pair(from: Field, to: Field): Part {
    if (from.shape.kind === 'array' && to.shape.kind === 'array') {
      return compareArrays(
        { btf: this.#pinned.btf, field: from, shape: from.shape },
        { btf: this.#wanted.btf, field: to, shape: to.shape },
      )
    }
    const { change, grade, note, carry } = compareShapes(
      { btf: this.#pinned.btf, field: from },
      { btf: this.#wanted.btf, field: to },
    )
    const sides = this.#sides(from, to)
    const hasMoved = from.bitOffset !== to.bitOffset
    const kernel = kernelPart(to)
    const copy = copyOf(from, to, carry, this.#wanted.btf.littleEndian)
    const said: FieldChange = {
      path: to.path,
      change: change ?? (hasMoved ? 'moved' : 'kept'),
      ...sides,
      grade: worstOf([grade, hasMoved ? 'convertible' : 'identical', textGrade(sides)]),
      ...(note === undefined ? {} : { note }),
      ...(kernel ? { kernel } : {}),
    }
    if (!copy) return { changes: [said] }
    return { changes: [said], pairs: [{ path: to.path, copy, merge: 'last' }], operations: [copy] }
  }

  #union(group: UnionGroup): void {
    this.#parts.push(compareUnion(group, this.#pinned.btf, this.#wanted.btf, this.#free))
  }

  /** Padding may be called anything and be split in any way. */
  #padding(from: Field | undefined, to: Field | undefined): void {
    const change = paddingChange(from, to)
    this.#say({
      path: (to ?? from)?.path ?? '',
      change,
      ...(from ? { pinned: sideOf(this.#pinned.btf, from) } : {}),
      ...(to ? { wanted: sideOf(this.#wanted.btf, to) } : {}),
      grade: 'compatible',
      note: 'padding by its name',
      padding: true,
    })
  }

  /** A struct is where a number or an array was, or the other way round. */
  #instead(path: string, from: readonly Field[], to: readonly Field[]): void {
    this.#say({
      path,
      change: 'retyped',
      pinned: hull(this.#pinned.btf, path, from),
      wanted: hull(this.#wanted.btf, path, to),
      grade: 'incompatible',
      note: 'another kind of value',
    })
  }

  #renamed(from: Field, to: Field): void {
    const kernel = kernelPart(to)
    this.#say({
      path: to.path,
      change: 'renamed',
      ...this.#sides(from, to),
      // what the kernel finds by its place has no name for it
      grade: kernel ? 'compatible' : 'lossy',
      note: kernel ? `was ${from.path}` : `was ${from.path}; its value is not carried`,
      ...(kernel ? { kernel } : {}),
    })
  }

  #dropped(field: Field): void {
    const kernel = kernelPart(field)
    const grade: Grade = field.bitSize === 0 ? 'compatible' : kernel === 'lock' ? 'convertible' : 'lossy'
    const pinned = sideOf(this.#pinned.btf, field)
    this.#say({ path: field.path, change: 'dropped', pinned, grade, ...(kernel ? { kernel } : {}) })
  }

  #added(field: Field): void {
    const wanted = sideOf(this.#wanted.btf, field)
    const { path } = field
    const kernel = kernelPart(field)
    if (kernel) {
      const note = 'the kernel knows it in a new map only'
      this.#say({ path, change: 'added', wanted, grade: 'convertible', note, kernel })
    } else if (field.bitSize === 0 || this.#free.covers(field.bitOffset, field.bitSize)) {
      this.#say({ path, change: 'filled', wanted, grade: 'compatible', note: paddingNote })
    } else {
      // nobody fills padding with a name, or so one hopes: a new value is sure to be empty there
      const isNamed = this.#unnamed.covers(field.bitOffset, field.bitSize)
      const note = isNamed ? 'in place of padding that has a name' : startsNote
      this.#say({ path, change: 'added', wanted, grade: 'convertible', note })
    }
  }

  #say(change: FieldChange): void {
    this.#parts.push({ changes: [change] })
  }
}

/** What a field holds that now fills padding. */
export const paddingNote = 'reads what was in the padding'

/** What a field holds that was not there. */
export const startsNote = 'has its initial value'

export function sideOf(btf: Btf, field: Field): FieldSide {
  const { type, offset, size, bitOffset, bitSize } = field
  const name = typeName(btf, type)
  const text = bitSize < 8 * size ? `${name} : ${bitSize}` : name
  return { type: text, offset, size, bitOffset, bitSize }
}

/** Names of types say nothing about bytes; that they changed is worth a word. */
export function textGrade(sides: { readonly pinned: FieldSide; readonly wanted: FieldSide }): Grade {
  return sides.pinned.type === sides.wanted.type ? 'identical' : 'compatible'
}

function paddingChange(from: Field | undefined, to: Field | undefined): ChangeKind {
  if (!from) return 'filled'
  if (!to) return 'dropped'
  if (from.path !== to.path) return 'renamed'
  if (from.bitSize !== to.bitSize) return from.bitSize < to.bitSize ? 'grown' : 'cut'
  return from.bitOffset === to.bitOffset ? 'retyped' : 'moved'
}

/** All fields of a struct as one. */
function hull(btf: Btf, path: string, fields: readonly Field[]): FieldSide {
  const [first] = fields
  if (first && fields.length === 1 && first.path === path) return sideOf(btf, first)
  const start = Math.min(...fields.map(({ offset }) => offset))
  const end = Math.max(...fields.map(({ offset, size }) => offset + size))
  const size = end - start
  return { type: 'struct {...}', offset: start, size, bitOffset: 8 * start, bitSize: 8 * size }
}

function copyOf(
  from: Field,
  to: Field,
  carry: ShapeChange['carry'],
  littleEndian: boolean,
): CopyOperation | undefined {
  if (carry === 'nothing' || to.bitSize === 0) return undefined
  if (carry === 'bit') {
    const place = placeOf(to)
    const bitOffset = littleEndian ? place.bitOffset : place.bitOffset + place.bitSize - 1
    return { op: 'integer', from: placeOf(from), to: { ...place, bitOffset, bitSize: 1 } }
  }
  const isWhole = from.bitSize === 8 * from.size && to.bitSize === 8 * to.size
  return carry === 'bytes' && isWhole
    ? { op: 'bytes', from: from.offset, to: to.offset, size: to.size }
    : { op: 'integer', from: placeOf(from), to: placeOf(to) }
}

function placeOf({ bitOffset, bitSize, shape }: Field): IntegerPlace {
  const signed = (shape.kind === 'int' || shape.kind === 'enum') && shape.signed
  return { bitOffset, bitSize, signed }
}

/** In the order of the wanted side; what it has no more stands before what came after it. */
function inOrder(groups: readonly (readonly FieldChange[])[]): FieldChange[] {
  const kept = groups.filter(([first]) => first?.wanted)
  kept.sort(([a], [b]) => (a?.wanted?.bitOffset ?? 0) - (b?.wanted?.bitOffset ?? 0))
  const gone = groups.filter(([first]) => first && !first.wanted)
  gone.sort(([a], [b]) => (a?.pinned?.bitOffset ?? 0) - (b?.pinned?.bitOffset ?? 0))
  const ordered: FieldChange[] = []
  let next = 0
  for (const group of kept) {
    const [first] = group
    const place = (first?.pinned ?? first?.wanted)?.bitOffset ?? 0
    for (; next < gone.length && (gone[next]?.[0]?.pinned?.bitOffset ?? 0) <= place; next++) {
      ordered.push(...gone[next]!)
    }
    ordered.push(...group)
  }
  return [...ordered, ...gone.slice(next).flat()]
}
