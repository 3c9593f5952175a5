import type { SideDirectory, StrangePin, Strangers } from '../pin/index.ts'
import { type Branch, type Cell, columns, treeRoom } from './columns.ts'
import type { Output } from './output.ts'
import { visible } from './visible.ts'

type Look = Pick<Output, 'paint' | 'width'>

/** A directory with what others pinned in it. */
interface Directory {
  readonly directories: Map<string, Directory>
  readonly pins: StrangePin[]
  side?: SideDirectory
}

/** What others pinned below a root, as a tree of directories. */
export function strangerTree(root: string, { pins, sides }: Strangers, look: Look): Branch[] {
  const top: Directory = empty()
  const find = (path: string): Directory =>
    path === root ? top : childOf(find(parentOf(path)), path.slice(path.lastIndexOf('/') + 1))
  for (const pin of pins) find(parentOf(pin.path)).pins.push(pin)
  for (const side of sides) find(side.path).side = side
  return branchesOf(top, look, 1)
}

function empty(): Directory {
  return { directories: new Map(), pins: [] }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function childOf({ directories }: Directory, name: string): Directory {
  const child = directories.get(name) ?? empty()
  directories.set(name, child)
  return child
}

function branchesOf({ directories, pins }: Directory, look: Look, depth: number): Branch[] {
  const { paint, width } = look
  const below = Array.from(directories).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    ...below.map(([name, directory]) => ({
      line: `${visible(name)}${directory.side ? `  ${paint('dim', sideText(directory.side))}` : ''}`,
      below: branchesOf(directory, look, depth + 1),
    })),
    ...columns(pins.map(pinRow), paint, treeRoom(width, depth)).map(line => ({ line })),
  ]
}

function sideText({ object, kind }: SideDirectory): string {
  return kind === 'next'
    ? `${object} being built or removed, or what is left of that: cleared when it is pinned next`
    : `${object} as it was before, kept for rollback`
}

function pinRow(pin: StrangePin): Cell[] {
  const file = pin.path.slice(pin.path.lastIndexOf('/') + 1)
  const named: Cell = { text: file, style: 'bold' }
  if (pin.kind === 'unknown') return [named, 'unknown']
  const known: Cell = { text: pin.name === file ? '' : `named ${pin.name}`, style: 'dim' }
  const [type, ...about] = detailsOf(pin)
  return [named, pin.kind, { text: type ?? '', style: 'cyan' }, `id ${pin.id}`, ...about, known]
}

/** The type, then two cells as in the tree of objects. */
function detailsOf(pin: Exclude<StrangePin, { kind: 'unknown' }>): [string, Cell, Cell] {
  switch (pin.kind) {
    case 'map': {
      const { type, keySize, valueSize, maxEntries } = pin.shape
      return [type, `${keySize} B -> ${valueSize} B`, `max ${maxEntries}`]
    }
    case 'program':
      return [pin.type, `tag ${pin.tag}`, '']
    case 'link': {
      const where = pin.target === '' ? '' : ` on ${pin.target}`
      return [pin.type, `program ${pin.programId}${where}`, { text: pin.isDead ? 'dead' : '', style: 'red' }]
    }
  }
}
