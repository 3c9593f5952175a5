import type { Grade } from './changes.ts'
import type { BtfEnumerator } from './types.ts'

/** What the names of an enum say about numbers that were stored under older names. */
export interface EnumChange {
  readonly grade: Grade
  readonly note: string
}

/**
 * New names are fine, and so is another name for a number. A name that now means another number is not: what is stored
 * would be read as something else. A name that only counts the others (`STATE_MAX`) moves when one is added.
 *
 * @returns `undefined` where every name has the number that it had, and there are no others
 */
export function compareEnums(
  pinned: readonly BtfEnumerator[],
  wanted: readonly BtfEnumerator[],
): EnumChange | undefined {
  const numbers = new Map(wanted.map(({ name, value }) => [name, value]))
  const names = new Map(wanted.map(({ name, value }) => [value, name]))
  const counts = countersOf(pinned)
  const newCounts = countersOf(wanted)
  const gone: string[] = []
  const renamed: string[] = []
  let isRecounted = false
  for (const { name, value } of pinned) {
    const now = numbers.get(name)
    if (now === value) continue
    if (counts.has(name) && (now === undefined || newCounts.has(name))) {
      isRecounted = true
      continue
    }
    if (now !== undefined) return { grade: 'incompatible', note: `${name} was ${value} and is ${now}` }
    const other = names.get(value)
    if (other === undefined) gone.push(`${name} = ${value}`)
    else renamed.push(`${name} is ${other}`)
  }
  if (gone.length > 0) return { grade: 'lossy', note: `there is no ${listOf(gone)}` }
  if (renamed.length > 0) return { grade: 'compatible', note: `now ${listOf(renamed)}` }
  const old = new Set(pinned.map(({ name }) => name))
  const added = wanted.filter(({ name }) => !old.has(name)).map(({ name }) => name)
  if (added.length > 0) return { grade: 'compatible', note: `can be ${listOf(added)}, too` }
  return isRecounted ? { grade: 'compatible', note: 'counts other names' } : undefined
}

const counter = /(^|_)(MAX|LAST|COUNT|CNT|NUM|NR|END|SIZE|TOTAL)_*$|^_*(MAX|NUM|NR|COUNT)_/i

/** Names that stand at the end of their enum and by convention are no state: `__STATE_MAX`, `NUM_STATES`. */
function countersOf(values: readonly BtfEnumerator[]): ReadonlySet<string> {
  const real = values.filter(({ name }) => !counter.test(name))
  const isLast = ({ value }: BtfEnumerator): boolean => real.every(other => other.value <= value)
  return new Set(values.filter(one => counter.test(one.name) && isLast(one)).map(({ name }) => name))
}

const longestList = 3

function listOf(items: readonly string[]): string {
  const shown = items.slice(0, longestList).join(', ')
  return items.length > longestList ? `${shown} and ${items.length - longestList} more` : shown
}
