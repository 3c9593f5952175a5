import {
  compareLayouts,
  type FieldChange,
  type Grade,
  isWorse,
  type LayoutComparison,
  whenConverted,
  worstOf,
} from '../btf/index.ts'
import { layoutReasons, unknownLayout } from './layout-reasons.ts'
import { hasKernelValues, isIndexed, isSameFamily, isUnreadable } from './map-families.ts'
import { keptShape, type Machine, type MapShape, type MapTypes } from './shape.ts'
import type { MapDifferences, MapVerdict, Reason } from './verdict.ts'

/** What only the live map can tell. What is missing counts as the worse case. */
export interface LiveFacts {
  /** How many entries there are. */
  readonly entries?: number
  /** What no longer fits, array elements and the ends of arrays in values, is all zero. */
  readonly cutIsZero?: boolean
}

/** Both sides of a map. */
export interface MapSides {
  readonly name: string
  /** The pin. */
  readonly path: string
  readonly wanted: MapSide
  readonly pinned: MapSide
  readonly machine: Machine
  readonly live?: LiveFacts
  /** Of a data section: what it starts with. Its variables are named as they are. */
  readonly section?: { readonly contents: Uint8Array }
  /** The values are compared elsewhere, byte by byte. */
  readonly isConstant?: boolean
}

export interface MapSide {
  /** Of the wanted side as it asks, of the pinned side as the kernel says. */
  readonly shape: MapShape
  readonly types?: MapTypes
}

/** A reason and how bad it is by itself. */
interface Graded {
  readonly grade: Grade
  readonly reasons: readonly Reason[]
}

/** Says how well a pinned map fits what is asked for: its parameters, and what lies where in its entries. */
export function gradeMap(sides: MapSides): MapVerdict {
  const { name, path, pinned } = sides
  const parameters = gradeParameters(sides)
  const key = sides.isConstant ? undefined : compareKeys(sides)
  const isRemade = isWorse(parameters.grade, 'compatible')
  const value = sides.isConstant ? undefined : compareValues(sides, isRemade)
  const graded = [parameters, key?.graded, value?.graded].filter(one => one !== undefined)
  const grade = worstOf(graded.map(one => one.grade))
  const reasons = graded.flatMap(one => one.reasons)
  const differences: MapDifferences = {
    ...(key?.comparison ? { key: key.comparison } : {}),
    ...(value?.comparison ? { value: value.comparison } : {}),
  }
  const verdict = { kind: 'map', name, path, verdict: grade, reasons } as const
  const whole = differences.key || differences.value ? { ...verdict, differences } : verdict
  if (!isWorse(grade, 'compatible') || !isUnreadable(pinned.shape.type)) return whole
  const contents: Reason = {
    ...{ field: 'contents', pinned: `a ${pinned.shape.type}`, wanted: 'another one' },
    note: 'user space cannot carry what it holds',
  }
  return { ...whole, verdict: 'incompatible', reasons: [...reasons, contents], isUnreadable: true }
}

const parameterNames = [
  'type',
  'keySize',
  'valueSize',
  'maxEntries',
  'flags',
  'mapExtra',
] as const satisfies readonly (keyof MapShape)[]

type Parameter = (typeof parameterNames)[number]

function gradeParameters(sides: MapSides): Graded {
  const asked = sides.wanted.shape
  const pinned = sides.pinned.shape
  const differing = parameterNames.filter(field => asked[field] !== pinned[field])
  if (differing.length === 0) return { grade: 'identical', reasons: [] }
  const kept = keptShape(asked, sides.machine)
  const counting = differing.filter(field => kept[field] !== pinned[field])
  if (counting.length === 0) {
    const note = 'as the kernel makes it'
    return { grade: 'compatible', reasons: differing.map(field => parameterReason(field, sides, note)) }
  }
  const graded = counting.map(field => gradeParameter(field, sides))
  return {
    grade: worstOf(graded.map(({ grade }) => grade)),
    reasons: graded.map(({ field, note }) => parameterReason(field, sides, note)),
  }
}

function parameterReason(field: Parameter, { wanted, pinned }: MapSides, note: string | undefined): Reason {
  const show = (value: string | number | bigint): string =>
    field === 'flags' || field === 'mapExtra' ? `0x${value.toString(16)}` : String(value)
  return {
    ...{ field, wanted: show(wanted.shape[field]), pinned: show(pinned.shape[field]) },
    ...(note === undefined ? {} : { note }),
  }
}

interface GradedParameter {
  readonly field: Parameter
  readonly grade: Grade
  readonly note?: string
}

function gradeParameter(field: Parameter, sides: MapSides): GradedParameter {
  const { wanted, pinned } = sides
  switch (field) {
    case 'type':
      return isSameFamily(wanted.shape.type, pinned.shape.type)
        ? { field, grade: 'convertible' }
        : { field, grade: 'incompatible' }
    case 'keySize':
      return { field, grade: 'incompatible' }
    case 'valueSize':
      return isTyped(wanted, 'value') && isTyped(pinned, 'value')
        ? { field, grade: 'convertible' }
        : { field, grade: 'incompatible', note: 'without types on both sides nothing can be carried' }
    case 'maxEntries':
      return { field, ...gradeEntries(sides) }
    default:
      return { field, grade: 'convertible' }
  }
}

function gradeEntries({ wanted, pinned, live = {} }: MapSides): Pick<GradedParameter, 'grade' | 'note'> {
  const room = wanted.shape.maxEntries
  if (room > pinned.shape.maxEntries) return { grade: 'convertible' }
  if (isIndexed(pinned.shape.type)) {
    if (live.cutIsZero) return { grade: 'convertible', note: 'the elements that go are zero' }
    const note =
      live.cutIsZero === false ? 'elements that go are not zero' : 'elements that go may hold something'
    return { grade: 'lossy', note }
  }
  const { entries } = live
  if (entries === undefined) return { grade: 'lossy', note: 'how many entries there are is not known' }
  return { grade: entries <= room ? 'convertible' : 'lossy', note: `there are ${entries} entries` }
}

type Part = 'key' | 'value'

function isTyped({ types }: MapSide, part: Part): boolean {
  return types !== undefined && types[part] !== 0
}

interface Compared {
  readonly comparison: LayoutComparison | undefined
  readonly graded: Graded
}

/** A key must be what it was to the last bit: another key is another entry. */
function compareKeys(sides: MapSides): Compared | undefined {
  if (isIndexed(sides.wanted.shape.type) || hasKernelValues(sides.wanted.shape.type)) return undefined
  const { keySize } = sides.wanted.shape
  if (keySize === 0 || keySize !== sides.pinned.shape.keySize) return undefined
  const found = compareParts(sides, 'key')
  if (!found?.comparison) return found
  const { changes, grade } = found.comparison
  const isSame = changes.every(({ change, padding }) => change === 'kept' || padding === true)
  if (isSame && !isWorse(grade, 'compatible')) return found
  return { ...found, graded: { grade: 'incompatible', reasons: found.graded.reasons } }
}

function compareValues(sides: MapSides, isRemade: boolean): Compared | undefined {
  if (hasKernelValues(sides.wanted.shape.type)) return undefined
  const found = compareParts(sides, 'value', isRemade)
  if (!found?.comparison || sides.wanted.shape.valueSize === 0) return found
  const comparison = refine(found.comparison, sides)
  return { comparison, graded: { grade: comparison.grade, reasons: reasonsOf(comparison, 'value', sides) } }
}

function compareParts(sides: MapSides, part: Part, isRemade = false): Compared | undefined {
  const { wanted, pinned } = sides
  const size = part === 'key' ? 'keySize' : 'valueSize'
  const a = pinned.types
  const b = wanted.types
  const isVeryTypes =
    a !== undefined && a.btf === b?.btf && a[part] === b[part] && wanted.shape[size] === pinned.shape[size]
  // the very same types need no look, unless the map is made anew and they hold what cannot be carried
  if (isVeryTypes && (!isRemade || a[part] === 0)) return undefined
  if (!a || !b || a[part] === 0 || b[part] === 0) {
    return { comparison: undefined, graded: { grade: 'compatible', reasons: [unknownLayout(part, a, b)] } }
  }
  const found = compareLayouts(
    { btf: a.btf, id: a[part], size: pinned.shape[size] },
    { btf: b.btf, id: b[part], size: wanted.shape[size] },
  )
  const comparison = isRemade ? whenConverted(found) : found
  return { comparison, graded: { grade: comparison.grade, reasons: reasonsOf(comparison, part, sides) } }
}

function reasonsOf(comparison: LayoutComparison, part: Part, { section }: MapSides): readonly Reason[] {
  return layoutReasons(comparison, section ? '' : part)
}

/** What the layouts alone cannot tell: what a section starts with, and what is in the elements that go. */
function refine(comparison: LayoutComparison, { section, live = {} }: MapSides): LayoutComparison {
  const changes = comparison.changes.map(change => {
    if (section && change.change === 'filled' && !isZero(section.contents, change)) {
      return {
        ...change,
        change: 'added',
        grade: 'convertible',
        note: 'starts with another value than 0',
      } as const
    }
    if (change.change !== 'cut' || change.grade !== 'lossy') return change
    if (live.cutIsZero) return { ...change, grade: 'convertible', note: `${change.note}, all zero` } as const
    return live.cutIsZero === false ? change : { ...change, note: `${change.note}, which may hold something` }
  })
  const isResized = comparison.conversion && comparison.conversion.fromSize !== comparison.conversion.toSize
  const grade = worstOf([...changes.map(change => change.grade), isResized ? 'convertible' : 'identical'])
  const refined = { ...comparison, changes, grade }
  return isWorse(grade, 'compatible') ? whenConverted(refined) : refined
}

function isZero(bytes: Uint8Array, { wanted }: FieldChange): boolean {
  return !wanted || bytes.subarray(wanted.offset, wanted.offset + wanted.size).every(byte => byte === 0)
}
