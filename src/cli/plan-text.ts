import type { FieldChange, FieldSide, Grade } from '../btf/index.ts'
import { type ItemVerdict, isGrade, reasonText, type Verdict } from '../plan/verdict.ts'
import { isDataSection } from '../spec/from-btf.ts'
import { type Cell, columns } from './columns.ts'
import type { Paint, Style } from './output.ts'
import { mapsOf, type PlannedMap, type PlanView, planVerdict, reasonsOf } from './plan-view.ts'

const styles: Readonly<Record<Grade, Style>> = {
  identical: 'dim',
  compatible: 'green',
  convertible: 'yellow',
  lossy: 'magenta',
  incompatible: 'red',
}

function styleOf(verdict: Verdict | 'changed'): Style {
  return verdict !== 'changed' && isGrade(verdict) ? styles[verdict] : 'cyan'
}

/** The plan as lines for a terminal: verdicts, then the layouts of what changed side by side. */
export function planLines(plan: PlanView, paint: Paint): string[] {
  const verdict = planVerdict(plan)
  const others = plan.items.filter(item => item.kind !== 'map')
  return [
    `${paint('bold', plan.object)} against ${plan.path}: ${paint(styleOf(verdict), verdict)}`,
    ...mapsOf(plan).flatMap(map => mapLines(map, paint)),
    ...section(
      'programs',
      others.filter(({ kind }) => kind === 'program'),
      paint,
    ),
    ...section(
      'links',
      others.filter(({ kind }) => kind === 'link'),
      paint,
    ),
  ]
}

function mapLines({ map, action }: PlannedMap, paint: Paint): string[] {
  const { name, verdict, differences, reasons } = map
  const head = `map ${paint('bold', name)}: ${paint(styleOf(verdict), verdict)} ${paint('dim', `-> ${action}`)}`
  // what is in a table below needs no line of its own
  const isInTable = (field: string): boolean => {
    const isKey = /^key([.[]|$)/.test(field) && !isDataSection(name)
    return (isKey ? differences?.key : differences?.value) !== undefined
  }
  const left = reasons.filter(({ change, field }) => !change || !isInTable(field))
  const parameters = left.map(reasonText)
  const tables = (['key', 'value'] as const).flatMap(part => {
    const changes = differences?.[part]?.changes ?? []
    return changes.every(({ grade }) => grade === 'identical') ? [] : table(part, changes, paint)
  })
  return ['', head, ...parameters.map(reason => `  ${reason}`), ...tables]
}

function table(part: string, changes: readonly FieldChange[], paint: Paint): string[] {
  const head = [part, 'pinned', 'bytes', 'wanted', 'bytes', ''].map(text => ({ text, style: 'dim' as const }))
  const rows = changes.map((change): Cell[] => {
    const style = styles[change.grade]
    const { path, pinned, wanted } = change
    return [
      { text: path || part, style },
      ...[...sideCells(pinned), ...sideCells(wanted)].map(text => ({ text, style })),
      { text: `${change.change}${change.note === undefined ? '' : `: ${change.note}`}`, style },
    ]
  })
  return columns([head, ...rows], paint).map(line => `  ${line}`)
}

/** The type, and from which byte to which: `8..15`, of a bitfield the bits from its byte on, `8:5..7`. */
function sideCells(side: FieldSide | undefined): [string, string] {
  if (!side) return ['-', '']
  const { type, offset, size, bitOffset, bitSize } = side
  if (bitSize === 8 * size) return [type, size === 0 ? `${offset}` : `${offset}..${offset + size - 1}`]
  const bit = bitOffset - 8 * offset
  return [type, `${offset}:${bit}..${bit + bitSize - 1}`]
}

function section(title: string, items: readonly ItemVerdict[], paint: Paint): string[] {
  if (items.length === 0) return []
  const rows = items.map((item): Cell[] => [
    { text: item.name, style: 'bold' },
    { text: item.verdict, style: styleOf(item.verdict) },
    reasonsOf(item).join('; '),
  ])
  return ['', title, ...columns(rows, paint).map(line => `  ${line}`)]
}
