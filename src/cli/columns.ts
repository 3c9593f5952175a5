import type { Paint, Style } from './output.ts'
import { visible } from './visible.ts'
import { wrapped } from './wrap.ts'

/** A piece of text that may be painted. */
export type Cell = string | { readonly text: string; readonly style: Style }

/**
 * Lines of cells, each column as wide as its widest cell, two blanks apart. Where there is only so much room in a line, what does
 * not fit stands below, indented: such a row has line ends in it.
 */
export function columns(
  rows: readonly (readonly Cell[])[],
  paint: Paint = (_, text) => text,
  room: number = Number.POSITIVE_INFINITY,
): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length)
    })
  }
  return rows.map(row => rowText(row, widths, paint, Math.max(room, leastRoom)))
}

const gap = 2
/** What stands below is indented by so much. */
const indent = 4
/** In less than this nothing can be read. */
const leastRoom = 24

function rowText(row: readonly Cell[], widths: readonly number[], paint: Paint, room: number): string {
  const lines: string[] = []
  let line = ''
  // as it is seen, and with the blanks that are still to come
  let length = 0
  let isBelow = false
  const next = (): void => {
    lines.push(line.trimEnd())
    line = ' '.repeat(indent)
    length = indent
    isBelow = true
  }
  for (const [i, cell] of row.entries()) {
    const text = textOf(cell)
    const fits = length + text.length <= room
    if (text !== '' && !fits && length > indent) next()
    const pieces = text === '' || fits ? [text] : wrapped(text, room - Math.max(length, indent))
    for (const [n, piece] of pieces.entries()) {
      if (n > 0) next()
      line += typeof cell === 'string' ? piece : paint(cell.style, piece)
      length += piece.length
    }
    // below, cells stand where there is room for them
    const padding = isBelow ? (text === '' ? 0 : gap) : (widths[i] ?? 0) - text.length + gap
    line += ' '.repeat(padding)
    length += padding
  }
  return [...lines, line.trimEnd()].join('\n')
}

function textOf(cell: Cell): string {
  return visible(typeof cell === 'string' ? cell : cell.text)
}

/** One branch of a tree: what it says, and what hangs on it. */
export interface Branch {
  readonly line: string
  readonly below?: readonly Branch[]
}

/** Rows of columns, indented by two. */
export function indentedColumns(
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  width: number | undefined,
): string[] {
  const room = width === undefined ? undefined : width - gap
  return columns(rows, paint, room).flatMap(row => row.split('\n').map(line => `  ${line}`))
}

/** The room that a tree leaves in a line for what is so many branches from its root. */
export function treeRoom(width: number | undefined, depth: number): number | undefined {
  return width === undefined ? undefined : width - 4 * depth
}

/** The lines of a tree as tree(1) draws it, without its trunk. */
export function treeLines(branches: readonly Branch[], indent = ''): string[] {
  return branches.flatMap(({ line, below = [] }, i) => {
    const isLast = i === branches.length - 1
    const under = `${indent}${isLast ? '    ' : '│   '}`
    const [first = '', ...others] = line.split('\n')
    return [
      `${indent}${isLast ? '└── ' : '├── '}${first}`,
      // as a row of columns that did not fit
      ...others.map(
        other => `${under}${below.length > 0 ? '│' : ''}${other.slice(below.length > 0 ? 1 : 0)}`,
      ),
      ...treeLines(below, under),
    ]
  })
}
