import type { FieldChange, FieldSide, Grade } from '../btf/index.ts'
import type { PlannedMap } from '../plan/upgrade.ts'
import { isGrade, reasonText, type Verdict } from '../plan/verdict.ts'
import { isDataSection } from '../spec/from-btf.ts'
import { type Cell, indentedColumns } from './columns.ts'
import type { Paint, Style } from './output.ts'
import { isRefused, type PlanView, reasonTexts } from './plan-view.ts'
import { stepTexts } from './step-text.ts'

const styles: Readonly<Record<Grade, Style>> = {
  identical: 'dim',
  compatible: 'green',
  convertible: 'yellow',
  lossy: 'magenta',
  incompatible: 'red',
}

function styleOf(verdict: Verdict | 'changed' | 'dead'): Style {
  if (verdict === 'dead') return 'red'
  return verdict !== 'changed' && isGrade(verdict) ? styles[verdict] : 'cyan'
}

/** The plan as lines for a terminal: verdicts, the layouts of what changed side by side, then what would be done. */
export function planLines(plan: PlanView, paint: Paint, width?: number): string[] {
  const { object, path, verdict, maps, programs, links, steps } = plan
  const texts = stepTexts(steps)
  const kind = isRefused(plan) ? 'refused as it is' : plan.kind && kinds[plan.kind]
  return [
    `${paint('bold', object)} against ${path}: ${paint(styleOf(verdict), verdict)}`,
    ...(kind === undefined ? [] : [kind]),
    ...spaced(maps.map(map => mapLines(map, paint, width))),
    ...section(
      'programs',
      programs.map(({ name, verdict, action = '' }) => [...verdictCells(name, verdict), action]),
      paint,
      width,
    ),
    ...section(
      'links',
      links.map(link => {
        const { name, verdict, action = '', promise = '' } = link
        const about = [promise, ...reasonTexts(link)].filter(text => text !== '').join('; ')
        const style: Style = action === 'gap' ? 'red' : 'dim'
        return [...verdictCells(name, verdict), { text: action, style }, about]
      }),
      paint,
      width,
    ),
    ...section(
      'steps',
      texts.map((text, i) => [`${i + 1}.`, text]),
      paint,
      width,
    ),
  ]
}

/** What has more than one line stands by itself. */
function spaced(parts: readonly (readonly string[])[]): string[] {
  return parts.flatMap((lines, i) => {
    const before = parts[i - 1]
    const isApart = before === undefined || lines.length > 1 || before.length > 1
    return [...(isApart ? [''] : []), ...lines]
  })
}

const kinds: Readonly<Record<NonNullable<PlanView['kind']>, string>> = {
  install: 'nothing is pinned: the object would be loaded, attached and pinned',
  find: 'what is pinned is this object: nothing would be changed',
  relink: 'its maps and programs would stay, links would not',
  upgrade: 'it would take the place of what is pinned',
}

function verdictCells(name: string, verdict: Verdict | 'changed' | 'dead'): Cell[] {
  return [
    { text: name, style: 'bold' },
    { text: verdict, style: styleOf(verdict) },
  ]
}

function mapLines(map: PlannedMap, paint: Paint, width: number | undefined): string[] {
  const { name, verdict, action, differences, reasons } = map
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
    return changes.every(({ grade }) => grade === 'identical') ? [] : table(part, changes, paint, width)
  })
  return [head, ...parameters.map(reason => `  ${reason}`), ...tables]
}

function table(
  part: string,
  changes: readonly FieldChange[],
  paint: Paint,
  width: number | undefined,
): string[] {
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
  return indentedColumns([head, ...rows], paint, width)
}

/** The type, and from which byte to which: `8..15`, of a bitfield the bits from its byte on, `8:5..7`. */
function sideCells(side: FieldSide | undefined): [string, string] {
  if (!side) return ['-', '']
  const { type, offset, size, bitOffset, bitSize } = side
  if (bitSize === 8 * size) return [type, size === 0 ? `${offset}` : `${offset}..${offset + size - 1}`]
  const bit = bitOffset - 8 * offset
  return [type, `${offset}:${bit}..${bit + bitSize - 1}`]
}

function section(
  title: string,
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  width: number | undefined,
): string[] {
  return rows.length === 0 ? [] : ['', title, ...indentedColumns(rows, paint, width)]
}
