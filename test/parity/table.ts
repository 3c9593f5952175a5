import { type Difference, verdictOf } from './compare.ts'
import type { Outcome } from './peer.ts'

/** What came of one object. */
export interface Row {
  readonly object: string
  readonly theirs: Outcome
  readonly ours: Outcome
  readonly differences: readonly Difference[]
  /** Why the differences are meant, as far as they are. */
  readonly reasons: readonly string[]
  /** How many differences are not. */
  readonly unexplained: number
}

const columns = ['object', 'libbpf', 'bpfpin', 'programs', 'maps', 'differences'] as const

/** One line a row, but for pairs of versions that are equal: those are hundreds. */
export function tableLines(title: string, rows: readonly Row[]): string[] {
  const isBrief = ({ object, differences }: Row): boolean =>
    object.startsWith('pairs/') && differences.length === 0
  const cells = rows.filter(row => !isBrief(row)).map(cellsOf)
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map(row => row[i]!.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(i === columns.length - 1 ? 0 : widths[i]!))
      .join('  ')
      .trimEnd()
  const brief = rows.filter(isBrief).length
  return [
    title,
    line(columns),
    ...cells.map(line),
    ...(brief > 0 ? [`pairs/*: ${brief} more, all equal`] : []),
  ]
}

function cellsOf({ object, theirs, ours, differences, reasons, unexplained }: Row): string[] {
  const of = (kind: 'program' | 'map'): string => {
    const all = new Set((kind === 'map' ? theirs.maps : theirs.programs)?.map(({ name }) => name))
    const other = differences.filter(({ what }) => what.startsWith(`${kind} `)).map(({ name }) => name)
    return ours.maps && theirs.maps ? `${all.size - new Set(other).size} of ${all.size}` : '-'
  }
  const notes = [...(unexplained > 0 ? [`${unexplained} NOT MEANT`] : []), ...reasons]
  return [object, ...[theirs, ours].map(briefly), of('program'), of('map'), notes.join('; ')]
}

function briefly(outcome: Outcome): string {
  const without = outcome.maps && outcome.refused.length > 0
  return without ? `refuses ${outcome.refused.length} programs` : verdictOf(outcome)
}
