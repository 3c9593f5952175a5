import { didYouMean, type Grade, worstOf } from '../btf/index.ts'
import { refused } from '../options.ts'
import { type ItemVerdict, isGrade, type MapVerdict } from './verdict.ts'

/**
 * What to do with a pinned map that does not fit. Each of `refuse`, `convert` and `convert-lossy` allows what those
 * before it allow; `replace` gives every map that does not fit a new and empty one.
 */
export type OnMismatch = 'refuse' | 'convert' | 'convert-lossy' | 'replace'

export const onMismatchValues: readonly OnMismatch[] = ['refuse', 'convert', 'convert-lossy', 'replace']

/** What a caller says of the maps that do not fit; without types it can be anything. */
interface Given {
  readonly onMismatch?: unknown
  readonly maps?: object
  readonly convert?: object
  readonly merge?: object
}

/**
 * Whoever mistypes what may be done must not have more done than he said.
 *
 * @throws BpfError `ERR_VALUE` for what is none of {@link onMismatchValues}, no function that converts, or nothing that merges.
 */
export function mustBePolicy({ onMismatch, maps = {}, convert = {}, merge = {} }: Given): void {
  mustBeMode('onMismatch', onMismatch)
  for (const [name, mode] of Object.entries(maps)) mustBeMode(`what may be done with map '${name}'`, mode)
  for (const [name, use] of Object.entries(convert))
    if (use !== undefined && typeof use !== 'function')
      throw refused(`what converts map '${name}'`, use, 'a function')
  for (const [name, fields] of Object.entries(merge)) {
    const isFields = typeof fields === 'object' && fields !== null
    if (fields === undefined || (isFields && Object.values(fields).every(how => how === 'sum'))) continue
    throw refused(`what merges map '${name}'`, fields, "fields that are each 'sum'")
  }
}

function mustBeMode(what: string, value: unknown): void {
  if (value === undefined || onMismatchValues.some(known => known === value)) return
  const near = typeof value === 'string' ? didYouMean(value, onMismatchValues) : ''
  throw refused(what, value, `one of ${onMismatchValues.join(', ')}${near}`)
}

export interface Policy {
  readonly onMismatch: OnMismatch
  /** For single maps, by name. */
  readonly maps?: Readonly<Record<string, OnMismatch>>
  /** Has the user given a function that converts the entries of this map? */
  readonly hasFunction?: (map: string) => boolean
}

/**
 * What is done with a map: `reuse` what is pinned, `convert` its entries into a new one, `create` one where there is
 * none, `replace` it by an empty one, `drop` what the object has no more, or `refuse` to go on.
 */
export type MapAction = 'reuse' | 'convert' | 'create' | 'replace' | 'drop' | 'refuse'

export function actionOf(map: MapVerdict, policy: Policy): MapAction {
  const { verdict, name } = map
  if (verdict === 'new') return 'create'
  if (verdict === 'gone') return 'drop'
  if (verdict === 'identical' || verdict === 'compatible') return 'reuse'
  const own = policy.maps && Object.hasOwn(policy.maps, name) ? policy.maps[name] : undefined
  const mode = own ?? policy.onMismatch
  if (mode === 'replace') return 'replace'
  // whoever writes a function for a map has decided what is to become of its entries
  if (policy.hasFunction?.(name) && map.isUnreadable !== true) return 'convert'
  if (verdict === 'convertible') return mode === 'refuse' ? 'refuse' : 'convert'
  return verdict === 'lossy' && mode === 'convert-lossy' ? 'convert' : 'refuse'
}

/** The verdict on an object: that on its worst map, and `new` where nothing is pinned. */
export function verdictOf(items: readonly ItemVerdict[]): Grade | 'new' {
  // what is made anew because it does not fit has reasons
  const isNothingPinned = items.every(
    item => item.verdict === 'new' && (item.kind === 'program' || item.reasons.length === 0),
  )
  if (isNothingPinned && items.length > 0) return 'new'
  return worstMap(items.filter(item => item.kind === 'map'))
}

/** The worst verdict; `new` and `gone` take nothing from what is there. */
export function worstMap(maps: readonly MapVerdict[]): Grade {
  return worstOf(maps.flatMap(({ verdict }) => (isGrade(verdict) ? [verdict] : [])))
}
