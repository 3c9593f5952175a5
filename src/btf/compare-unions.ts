import type { Btf } from './btf.ts'
import { type FieldChange, type Grade, worstOf } from './changes.ts'
import { compareArrays } from './compare-arrays.ts'
import { type Part, paddingNote, sideOf, startsNote, textGrade } from './compare-fields.ts'
import { compareShapes } from './compare-shapes.ts'
import type { CopyOperation } from './conversion.ts'
import type { Field } from './layout.ts'
import { type Holes, isPadding } from './padding.ts'

/**
 * Fields that share bytes, on one side or on both: a union is one block of bytes, for nobody knows which of its members
 * was written last. A field that becomes a member of a union, or was one, is in the group, too.
 */
export interface UnionGroup {
  readonly both: readonly (readonly [Field, Field])[]
  readonly dropped: readonly Field[]
  readonly added: readonly Field[]
}

interface OpenGroup {
  both: [Field, Field][]
  dropped: Field[]
  added: Field[]
}

/** The groups, and every field that is in one. */
export function unionGroups(
  both: ReadonlyMap<Field, Field>,
  dropped: readonly Field[],
  added: readonly Field[],
): { readonly groups: readonly UnionGroup[]; readonly members: ReadonlySet<Field> } {
  const groupOf = new Map<object, OpenGroup>()
  for (const [from, to] of both) {
    if (!from.overlap && !to.overlap) continue
    const group = merged(groupOf.get(from.overlap ?? from), groupOf.get(to.overlap ?? to))
    group.both.push([from, to])
    for (const [a, b] of group.both) {
      groupOf.set(a.overlap ?? a, group)
      groupOf.set(b.overlap ?? b, group)
    }
  }
  const ofOverlap = (field: Field): OpenGroup | undefined => field.overlap && groupOf.get(field.overlap)
  for (const field of dropped) ofOverlap(field)?.dropped.push(field)
  for (const field of added) ofOverlap(field)?.added.push(field)
  const groups = [...new Set(groupOf.values())]
  const members = groups.flatMap(group => [...group.both.flat(), ...group.dropped, ...group.added])
  return { groups, members: new Set(members) }
}

function merged(a: OpenGroup | undefined, b: OpenGroup | undefined): OpenGroup {
  if (!a || !b || a === b) return a ?? b ?? { both: [], dropped: [], added: [] }
  return { both: [...a.both, ...b.both], dropped: [], added: [] }
}

/** Bytes from `start` up to `end`. */
interface Extent {
  readonly start: number
  readonly end: number
}

/**
 * Compares a union with what it was. Its bytes move as one; every member that both sides have must be what it was, at
 * the same place in them.
 *
 * @param free - The padding of the pinned side.
 */
export function compareUnion(group: UnionGroup, pinned: Btf, wanted: Btf, free: Holes): Part {
  const { both, dropped, added } = group
  const [from, to] = both[0]!
  const distance = to.bitOffset - from.bitOffset
  const old = extentOf([...both.map(([field]) => field), ...dropped])
  const changes: FieldChange[] = both.map(([a, b]) => memberChange(a, b, pinned, wanted, distance))
  for (const field of added) {
    const said = addedChange(field, distance, old, free)
    changes.push({ path: field.path, wanted: sideOf(wanted, field), ...said })
  }
  for (const field of dropped) {
    const grade = isPadding(field) ? 'compatible' : 'lossy'
    const note = 'was a member of a union'
    changes.push({ path: field.path, change: 'dropped', pinned: sideOf(pinned, field), grade, note })
  }
  if (worstOf(changes.map(({ grade }) => grade)) === 'incompatible') return { changes }
  const copy = copyOf(old, extentOf([...both.map(([, field]) => field), ...added]), distance / 8)
  const path = (to.overlap ?? from.overlap)?.path || both.map(([, field]) => field.path).join('|')
  return { changes, pairs: [{ path, copy, merge: 'last' }], operations: [copy] }
}

function memberChange(from: Field, to: Field, pinned: Btf, wanted: Btf, distance: number): FieldChange {
  const sides = { pinned: sideOf(pinned, from), wanted: sideOf(wanted, to) }
  const { path } = to
  const isElsewhere = to.bitOffset - from.bitOffset !== distance || distance % 8 !== 0
  const { isSame, grade, note } = compareMembers(from, to, pinned, wanted)
  if (isElsewhere || !isSame) {
    const why = isElsewhere ? 'does not share the bytes that it did' : 'a member of a union changed'
    return { path, change: 'retyped', ...sides, grade: 'incompatible', note: why }
  }
  return {
    path,
    change: distance === 0 ? 'kept' : 'moved',
    ...sides,
    grade: worstOf([grade, distance === 0 ? 'identical' : 'convertible', textGrade(sides)]),
    ...(note === undefined ? {} : { note }),
  }
}

/** Do the bytes mean the same, wherever they are? */
function compareMembers(
  from: Field,
  to: Field,
  pinned: Btf,
  wanted: Btf,
): { readonly isSame: boolean; readonly grade: Grade; readonly note?: string | undefined } {
  if (from.shape.kind === 'array' && to.shape.kind === 'array') {
    const place = { offset: 0, bitOffset: 0 }
    const { changes } = compareArrays(
      { btf: pinned, field: { ...from, ...place }, shape: from.shape },
      { btf: wanted, field: { ...to, ...place }, shape: to.shape },
    )
    const grade = worstOf(changes.map(change => change.grade))
    return { isSame: grade === 'identical' || grade === 'compatible', grade, note: changes[0]?.note }
  }
  const { change, grade, note } = compareShapes({ btf: pinned, field: from }, { btf: wanted, field: to })
  return { isSame: change === undefined && from.bitSize === to.bitSize, grade, note }
}

/** The bytes of the fields; of members of a union all of the union's. */
function extentOf(fields: readonly Field[]): Extent {
  const starts = fields.map(({ offset, overlap }) => overlap?.offset ?? offset)
  const ends = fields.map(({ bitOffset, bitSize, overlap }) =>
    overlap ? overlap.offset + overlap.size : Math.ceil((bitOffset + bitSize) / 8),
  )
  return { start: Math.min(...starts), end: Math.max(...ends) }
}

/** A new member is another view of the bytes that were there, as far as it lies in them. */
function addedChange(
  field: Field,
  distance: number,
  old: Extent,
  free: Holes,
): Pick<FieldChange, 'change' | 'grade' | 'note'> {
  if (isInside(field, distance, old)) {
    return { change: 'added', grade: 'compatible', note: 'another view of the same bytes' }
  }
  const { bitOffset, bitSize } = field
  const beyond = Math.max(8 * old.end, bitOffset)
  const isFilling =
    distance === 0 && bitOffset >= 8 * old.start && free.covers(beyond, bitOffset + bitSize - beyond)
  return isFilling
    ? { change: 'filled', grade: 'compatible', note: paddingNote }
    : { change: 'added', grade: 'convertible', note: startsNote }
}

function isInside({ bitOffset, bitSize }: Field, distance: number, { start, end }: Extent): boolean {
  const first = bitOffset - distance
  return first >= 8 * start && first + bitSize <= 8 * end
}

function copyOf(old: Extent, now: Extent, distance: number): CopyOperation {
  const start = Math.max(old.start, now.start - distance)
  const end = Math.min(old.end, now.end - distance)
  return { op: 'bytes', from: start, to: start + distance, size: end - start }
}
