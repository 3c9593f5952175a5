import type { FieldChange, FieldSide, LayoutComparison } from '../btf/index.ts'
import type { PlannedMap } from '../plan/upgrade.ts'
import { type PlanView, reasonTexts } from './plan-view.ts'
import { stepTexts } from './step-text.ts'

/** Bytes in a row of a picture. */
const rowBytes = 8
/** A longer field is drawn with this many rows; its size stands in it. */
const longestRows = 4

/** The plan as one page of HTML that needs nothing else: every layout that changed as a map of its bytes, old and new. */
export function planPage(plan: PlanView): string {
  const { object, path, verdict, maps, programs, links, steps } = plan
  const title = `${object} against ${path}`
  const others = [
    ...programs.map(({ kind, name, verdict, action = '' }) => [kind, name, verdict, action]),
    ...links.map(link => {
      const { kind, name, verdict, action = '', promise = '' } = link
      return [kind, name, verdict, action, promise, reasonTexts(link).join('; ')]
    }),
  ]
  const rows = others.map(cells => `<tr>${cells.map(cell => `<td>${inHtml(cell)}</td>`).join('')}</tr>`)
  const items = stepTexts(steps).map(text => `<li>${inHtml(text)}</li>`)
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${inHtml(title)}</title><style>${css}</style></head><body>`,
    `<h1>${inHtml(title)} ${badge(verdict)}</h1>`,
    ...maps.map(mapPart),
    ...(rows.length > 0 ? [`<h2>Programs and links</h2><table>${rows.join('')}</table>`] : []),
    ...(items.length > 0 ? [`<h2>Steps</h2><ol>${items.join('')}</ol>`] : []),
    '</body></html>',
    '',
  ].join('\n')
}

function mapPart(map: PlannedMap): string {
  const { name, verdict, action, differences } = map
  const reasons = reasonTexts(map).map(reason => `<li>${inHtml(reason)}</li>`)
  const parts = [
    differences?.key && layoutPart('key', differences.key),
    differences?.value && layoutPart('value', differences.value),
  ]
  return [
    `<section><h2>map ${inHtml(name)} ${badge(verdict)} <small>${inHtml(action)}</small></h2>`,
    reasons.length > 0 ? `<ul>${reasons.join('')}</ul>` : '',
    ...parts.filter(part => part !== undefined),
    '</section>',
  ].join('\n')
}

function badge(verdict: string): string {
  return `<span class="${inHtml(verdict)}">${inHtml(verdict)}</span>`
}

function layoutPart(part: string, { changes, conversion }: LayoutComparison): string {
  if (changes.every(({ grade }) => grade === 'identical')) return ''
  const picture = (side: 'pinned' | 'wanted', size: number | undefined): string =>
    `<figure><figcaption>${part}, ${side === 'pinned' ? 'old' : 'new'}</figcaption>${bytesOf(changes, side, size)}</figure>`
  return [
    '<div class="sides">',
    picture('pinned', conversion?.fromSize),
    picture('wanted', conversion?.toSize),
    '</div>',
    fieldTable(changes),
  ].join('\n')
}

function fieldTable(changes: readonly FieldChange[]): string {
  const rows = changes.map(({ path, pinned, wanted, change, note, grade }) => {
    const cells = [
      path || '(all)',
      sideText(pinned),
      sideText(wanted),
      note === undefined ? change : `${change}: ${note}`,
    ]
    return `<tr class="${grade}">${cells.map(cell => `<td>${inHtml(cell)}</td>`).join('')}</tr>`
  })
  return `<table><tr><th>field</th><th>old</th><th>new</th><th></th></tr>${rows.join('')}</table>`
}

function sideText(side: FieldSide | undefined): string {
  return side ? `${side.type} at ${side.offset}, ${side.size} bytes` : ''
}

/** A run of bytes in a picture: one field, fields that share bytes, or padding. */
interface Run {
  start: number
  end: number
  readonly names: string[]
  readonly grade: string
}

function bytesOf(
  changes: readonly FieldChange[],
  side: 'pinned' | 'wanted',
  size: number | undefined,
): string {
  const runs: Run[] = []
  const fields = changes
    // the elements of an array are drawn as the array
    .flatMap(change => (change[side] && !change.path.includes('[]') ? [{ change, place: change[side] }] : []))
    .filter(({ place }) => place.size > 0)
    .sort((a, b) => a.place.offset - b.place.offset)
  for (const { change, place } of fields) {
    const end =
      place.offset + Math.max(1, Math.ceil((place.bitOffset - 8 * place.offset + place.bitSize) / 8))
    const last = runs.at(-1)
    const before = last?.end ?? 0
    if (last && place.offset < before) {
      last.end = Math.max(before, end)
      last.names.push(change.path)
      continue
    }
    if (place.offset > before) runs.push({ start: before, end: place.offset, names: [], grade: 'padding' })
    runs.push({ start: place.offset, end, names: [change.path || '(all)'], grade: change.grade })
  }
  const last = runs.at(-1)?.end ?? 0
  if (size !== undefined && size > last) runs.push({ start: last, end: size, names: [], grade: 'padding' })
  return `<div class="bytes">${runs.flatMap(drawRun).join('')}</div>`
}

/** A run in pieces that do not go beyond a row. */
function drawRun({ start, end, names, grade }: Run): string[] {
  const label = names.join(' | ')
  const title = `${label || 'padding'}: bytes ${start} to ${end - 1}`
  const pieces: string[] = []
  const rows = Math.ceil(end / rowBytes) - Math.floor(start / rowBytes)
  const isLong = rows > longestRows
  for (let at = start; at < end; ) {
    const row = Math.floor(at / rowBytes)
    const next = Math.min(end, (row + 1) * rowBytes)
    const drawn = row - Math.floor(start / rowBytes)
    const isSkipped = isLong && drawn >= longestRows - 1 && next < end
    if (!isSkipped) {
      const text = at === start ? label : isLong && next === end ? `... ${end - start} bytes` : ''
      const column = `${(at % rowBytes) + 1} / span ${next - at}`
      pieces.push(
        `<i class="${grade}" style="grid-column:${column}" title="${inHtml(title)}">${at === start ? `<b>${start}</b> ` : ''}${inHtml(text)}</i>`,
      )
    }
    at = next
  }
  return pieces
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Names come from a file that anybody could have written. */
function inHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character] ?? '')
}

const css = `
body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:72rem;color:#222;background:#fff}
h1,h2{font-weight:600}small{color:#777;font-weight:400}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{text-align:left;padding:.1rem .8rem .1rem 0;font-family:ui-monospace,monospace}
.sides{display:flex;gap:2rem;flex-wrap:wrap}figure{margin:0;flex:1;min-width:22rem}
.bytes{display:grid;grid-template-columns:repeat(${rowBytes},1fr);gap:2px}
.bytes i{font:12px ui-monospace,monospace;padding:.2rem .3rem;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;border-radius:2px}
.bytes b{font-weight:400;opacity:.5}
.padding{background:repeating-linear-gradient(45deg,#eee,#eee 4px,#fafafa 4px,#fafafa 8px)}
.identical{background:#e8eaed}.compatible{background:#cdeccd}.convertible{background:#fdf0b8}
.lossy{background:#f6cdf0}.incompatible{background:#f9c5c0}.new,.gone{background:#cfe6f5}
span{padding:0 .4rem;border-radius:3px;font-size:.8em}
tr.identical{background:none;color:#777}
`
