import type { Paint, Style } from './output.ts'
import { visible } from './visible.ts'

/** A piece of text that may be painted. */
export type Cell = string | { readonly text: string; readonly style: Style }

/** Lines of cells, each column as wide as its widest cell, two blanks apart. */
export function columns(rows: readonly (readonly Cell[])[], paint: Paint = (_, text) => text): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length)
    })
  }
  return rows.map(row =>
    row
      .map((cell, i) => {
        const text = textOf(cell)
        const padding = ' '.repeat((widths[i] ?? 0) - text.length)
        return (typeof cell === 'string' ? text : paint(cell.style, text)) + padding
      })
      .join('  ')
      .trimEnd(),
  )
}

function textOf(cell: Cell): string {
  return visible(typeof cell === 'string' ? cell : cell.text)
}

/** One branch of a tree: what it says, and what hangs on it. */
export interface Branch {
  readonly line: string
  readonly below?: readonly Branch[]
}

/** The lines of a tree as tree(1) draws it, without its trunk. */
export function treeLines(branches: readonly Branch[], indent = ''): string[] {
  return branches.flatMap(({ line, below = [] }, i) => {
    const isLast = i === branches.length - 1
    return [
      `${indent}${isLast ? '└── ' : '├── '}${line}`,
      ...treeLines(below, `${indent}${isLast ? '    ' : '│   '}`),
    ]
  })
}
