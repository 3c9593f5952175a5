import { BpfError } from '../errors.ts'
import {
  hasObject,
  type ListedLink,
  type ListedMap,
  type ListedObject,
  type ListedProgram,
  listObject,
  listStrangers,
  objectNames,
  type Root,
  type Strangers,
} from '../pin/index.ts'
import { type Branch, type Cell, columns, treeLines, treeRoom } from './columns.ts'
import { type Command, type ExitCode, exitCodes, type Request } from './command.ts'
import type { Output } from './output.ts'
import { findRoot, notPinned, objectPlace } from './place.ts'
import { strangerTree } from './stranger-tree.ts'
import { showOrWatch, watchOptions } from './watching.ts'

export const ls: Command = {
  options: watchOptions,
  details: [
    'Lists the objects that bpfpin pinned below the root, then what others pinned there; or one object: by its name, or',
    'by the path of its directory. A link is shown with what it is attached to, and as dead once that is gone; an object',
    'also with the generation that an upgrade kept for bpfpin rollback.',
    'With --watch it is shown again at each change: in place on a terminal; with --json as one document a line.',
    '',
    'With --json: {root, objects: [{name, path, maps: [{name, path, id, type, keySize, valueSize, maxEntries}],',
    'programs: [{name, path, id, type, tag}], links: [{name, path, id, type, programId, target}],',
    'previous: {generation, path} or null}], other: [{path, kind, id, name}]}; a dead link has dead: true; other is there',
    'where no object is named. The kinds are map, program, link, and unknown for what cannot be opened, whose id is null;',
    "'next' and 'prev' are directories beside where an object would be, in which it is being built or removed (also by a",
    'process that was stopped), or kept.',
    'A pin that is not what it was pinned as is left out and reported on stderr; the exit code is 1 then. Links can be',
    'opened by who may write to their pins; to others they are shown as they were pinned, dead or not.',
  ].join('\n'),
  advice: { ERR_MANIFEST: 'bpfpin ls shows the objects, and what others pinned' },
  purpose: operand => (operand === '' ? 'list what is pinned' : `list '${operand}'`),
  run(request, output) {
    return showOrWatch({ command: 'ls', request, show: shown => show(request, shown) }, output)
  },
}

function show({ operands: [operand], root }: Request, output: Output): ExitCode {
  const place = operand === undefined ? { root, name: undefined } : objectPlace(operand, root)
  using open = findRoot(place.root)
  const { objects, problems } = list(open, place)
  const strangers = open && place.name === undefined ? withoutKept(listStrangers(open), objects) : nobody
  if (output.json) {
    const other = place.name === undefined ? { other: otherListing(strangers) } : {}
    output.document({ root: place.root, objects: objects.map(listing), ...other })
  } else {
    printObjects(place.root, objects, output)
    printStrangers(place.root, strangers, output)
  }
  const unknown = objects.flatMap(({ notes }) => notes)
  for (const note of [...problems, ...unknown, ...strangers.notes]) output.note(note)
  const isSilent = objects.length + problems.length + strangers.pins.length === 0
  if (open && isSilent && !isRoot()) {
    output.note('directories of other users may be there and cannot be seen')
  }
  return problems.length > 0 ? exitCodes.failed : exitCodes.done
}

const nobody: Strangers = { pins: [], sides: [], notes: [] }

/** A generation that is shown with its object is no stranger. */
function withoutKept(strangers: Strangers, objects: readonly ListedObject[]): Strangers {
  const kept = new Set(objects.map(({ previous }) => previous?.path))
  return { ...strangers, sides: strangers.sides.filter(({ path }) => !kept.has(path)) }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

interface Found {
  readonly objects: readonly ListedObject[]
  readonly problems: readonly string[]
}

function list(
  open: Root | undefined,
  place: { readonly root: string; readonly name: string | undefined },
): Found {
  if (place.name !== undefined) {
    const object = open && listObject(open, place.name)
    if (!object) throw notPinned({ root: place.root, name: place.name }, open)
    return { objects: [object], problems: object.problems }
  }
  if (!open) return { objects: [], problems: [] }
  const objects: ListedObject[] = []
  const problems: string[] = []
  for (const name of objectNames(open)) {
    const found = look(open, name)
    // what goes wrong with an object that is unpinned meanwhile is no problem
    if (found.problems.length > 0 && !hasObject(open, name)) continue
    objects.push(...found.objects)
    problems.push(...found.problems)
  }
  return { objects, problems }
}

/** One that cannot be read does not hide the others. */
function look(open: Root, name: string): Found {
  try {
    const object = listObject(open, name)
    if (!object) return { objects: [], problems: [] }
    return { objects: [object], problems: object.problems }
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    return { objects: [], problems: [error.message] }
  }
}

/** An object as `--json` shows it: exactly these fields. */
function listing({ name, path, maps, programs, links, previous }: ListedObject): object {
  return {
    name,
    path,
    maps: maps.map(({ name, path, id, type, keySize, valueSize, maxEntries }) => ({
      ...{ name, path, id, type, keySize, valueSize, maxEntries },
    })),
    programs: programs.map(({ name, path, id, type, tag }) => ({ name, path, id, type, tag })),
    links: links.map(({ name, path, id, type, programId, target, dead }) => ({
      ...{ name, path, id, type, programId, target: target === '' ? null : target },
      ...(dead ? { dead } : {}),
    })),
    previous,
  }
}

function otherListing({ pins, sides }: Strangers): object[] {
  return [
    ...pins.map(({ path, kind, id, name }) => ({ path, kind, id, name })),
    ...sides.map(({ path, kind, object }) => ({ path, kind, id: null, name: object })),
  ]
}

function printObjects(root: string, objects: readonly ListedObject[], output: Output): void {
  const { print, note } = output
  if (objects.length === 0) note(`nothing is pinned by bpfpin below ${root}`)
  else print([root, ...treeLines(objects.map(object => objectBranch(object, output)))])
}

function printStrangers(root: string, strangers: Strangers, output: Output): void {
  const { paint, print } = output
  const branches = strangerTree(root, strangers, output)
  if (branches.length > 0) print([`${root}, ${paint('dim', 'not pinned by bpfpin')}`, ...treeLines(branches)])
}

function objectBranch(object: ListedObject, { paint, width }: Output): Branch {
  const { name, generation, created, maps, programs, links, previous } = object
  const about = `generation ${generation}, pinned ${created.replace(/\.\d+Z$/, 'Z')}`
  const branch = (line: string, rows: readonly (readonly Cell[])[]): Branch[] =>
    rows.length === 0
      ? []
      : [{ line, below: columns(rows, paint, treeRoom(width, 3)).map(line => ({ line })) }]
  return {
    line: `${paint('bold', name)}  ${paint('dim', about)}`,
    below: [
      ...branch('maps', maps.map(mapRow)),
      ...branch('programs', programs.map(programRow)),
      ...branch('links', links.map(linkRow)),
      ...(previous ? [{ line: paint('dim', `generation ${previous.generation} is kept for rollback`) }] : []),
    ],
  }
}

function mapRow(map: ListedMap): Cell[] {
  const { type, id, keySize, valueSize, maxEntries } = map
  const size = `${keySize} B -> ${valueSize} B`
  return [nameOf(map), typeOf(type), `id ${id}`, size, `max ${maxEntries}`, fileOf(map)]
}

function programRow(program: ListedProgram): Cell[] {
  const { type, id, tag } = program
  return [nameOf(program), typeOf(type), `id ${id}`, `tag ${tag}`, fileOf(program)]
}

function linkRow(link: ListedLink): Cell[] {
  const { type, id, programId, target, dead } = link
  const where = target === '' ? '' : ` on ${target}`
  const state: Cell = { text: dead ? 'dead' : '', style: 'red' }
  const program = programId === null ? 'program unknown' : `program ${programId}`
  return [nameOf(link), typeOf(type), `id ${id}`, `${program}${where}`, state, fileOf(link)]
}

function nameOf({ name }: { readonly name: string }): Cell {
  return { text: name, style: 'bold' }
}

function typeOf(type: string): Cell {
  return { text: type, style: 'cyan' }
}

/** The name of the pin, where it is not simply the name. */
function fileOf({ name, path }: { readonly name: string; readonly path: string }): Cell {
  const isPlain = path.endsWith(`/${name}`)
  return { text: isPlain ? '' : `pin ${path.slice(path.lastIndexOf('/') + 1)}`, style: 'dim' }
}
