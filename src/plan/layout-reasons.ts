import type { FieldSide, LayoutComparison } from '../btf/index.ts'
import type { MapTypes } from './shape.ts'
import type { Reason } from './verdict.ts'

/**
 * Every field that is not what it was, as reasons.
 *
 * @param above - `'key'` or `'value'`; empty for a data section, whose variables have names of their own.
 */
export function layoutReasons({ changes }: LayoutComparison, above: string): Reason[] {
  return changes.flatMap(({ path, change, pinned, wanted, grade, note }) => {
    if (grade === 'identical') return []
    const said = note ?? (change === 'kept' ? 'another name for the type' : undefined)
    return {
      field: below(above, path),
      wanted: sideText(wanted),
      pinned: sideText(pinned),
      change,
      ...(said === undefined ? {} : { note: said }),
    }
  })
}

function below(above: string, path: string): string {
  if (path === '') return above || 'value'
  return above === '' || path.startsWith('[') ? above + path : `${above}.${path}`
}

/** `__u64 at 8`; of a bitfield also its first bit, as pahole writes it: `__u32 : 3 at 8:5`. */
function sideText(side: FieldSide | undefined): string {
  if (!side) return 'none'
  const bit = side.bitOffset - 8 * side.offset
  const isBitfield = side.bitSize < 8 * side.size
  return `${side.type} at ${side.offset}${isBitfield ? `:${bit}` : ''}`
}

/** Said where only sizes could be compared. */
export function unknownLayout(
  part: 'key' | 'value',
  pinned: MapTypes | undefined,
  wanted: MapTypes | undefined,
): Reason {
  const show = (types: MapTypes | undefined): string =>
    types === undefined || types[part] === 0 ? 'no types' : 'types'
  const note = 'compared by size only'
  return { field: part, wanted: show(wanted), pinned: show(pinned), change: 'kept', note }
}
