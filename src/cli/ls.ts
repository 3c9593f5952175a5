import { BpfError } from '../errors.ts'
import {
  type ListedLink,
  type ListedMap,
  type ListedObject,
  type ListedProgram,
  listObject,
  objectNames,
  type Root,
} from '../pin/index.ts'
import { type Branch, type Cell, columns, treeLines } from './columns.ts'
import { type Command, exitCodes } from './command.ts'
import type { Output, Paint } from './output.ts'
import { findRoot, notPinned, objectPlace } from './place.ts'

export const ls: Command = {
  summary: 'list what is pinned',
  operands: [{ name: 'NAME|PATH', isOptional: true }],
  options: {},
  details: [
    'Lists the objects that bpfpin pinned below the root, or one of them: by its name, or by the path of its',
    'directory. What was pinned by other programs is not listed.',
    '',
    'With --json: {root, objects: [{name, path, maps: [{name, path, id, type, keySize, valueSize, maxEntries}],',
    'programs: [{name, path, id, type, tag}], links: [{name, path, id, type, programId}]}]}.',
    'A pin that is not what it was pinned as is left out and reported on stderr; the exit code is 1 then.',
  ].join('\n'),
  purpose: operand => (operand === '' ? 'list what is pinned' : `list '${operand}'`),
  run({ operands: [operand], root }, output) {
    const place = operand === undefined ? { root, name: undefined } : objectPlace(operand, root)
    using open = findRoot(place.root)
    const { objects, problems } = list(open, place)
    if (output.json) output.document({ root: place.root, objects: objects.map(listing) })
    else printTree(place.root, objects, output)
    for (const problem of problems) output.note(problem)
    if (!open || objects.length > 0 || problems.length > 0 || isRoot()) return finish(problems)
    output.note('directories of other users may be there and cannot be seen')
    return exitCodes.done
  },
}

function finish(problems: readonly string[]): 0 | 1 {
  return problems.length > 0 ? exitCodes.failed : exitCodes.done
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
    if (found.problems.length > 0 && !objectNames(open).includes(name)) continue
    objects.push(...found.objects)
    problems.push(...found.problems)
  }
  return { objects, problems }
}

/** One that cannot be read does not hide the others. */
function look(open: Root, name: string): Found {
  try {
    const object = listObject(open, name)
    return object ? { objects: [object], problems: object.problems } : { objects: [], problems: [] }
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    return { objects: [], problems: [error.message] }
  }
}

/** An object as `--json` shows it: exactly these fields. */
function listing({ name, path, maps, programs, links }: ListedObject): object {
  return {
    name,
    path,
    maps: maps.map(({ name, path, id, type, keySize, valueSize, maxEntries }) => ({
      ...{ name, path, id, type, keySize, valueSize, maxEntries },
    })),
    programs: programs.map(({ name, path, id, type, tag }) => ({ name, path, id, type, tag })),
    links: links.map(({ name, path, id, type, programId }) => ({ name, path, id, type, programId })),
  }
}

function printTree(root: string, objects: readonly ListedObject[], { paint, print, note }: Output): void {
  if (objects.length === 0) note(`nothing is pinned by bpfpin below ${root}`)
  else print([root, ...treeLines(objects.map(object => objectBranch(object, paint)))])
}

function objectBranch(object: ListedObject, paint: Paint): Branch {
  const { name, generation, created, maps, programs, links } = object
  const about = `generation ${generation}, pinned ${created.replace(/\.\d+Z$/, 'Z')}`
  const branch = (line: string, rows: readonly (readonly Cell[])[]): Branch[] =>
    rows.length === 0 ? [] : [{ line, below: columns(rows, paint).map(line => ({ line })) }]
  return {
    line: `${paint('bold', name)}  ${paint('dim', about)}`,
    below: [
      ...branch('maps', maps.map(mapRow)),
      ...branch('programs', programs.map(programRow)),
      ...branch('links', links.map(linkRow)),
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
  const { type, id, programId, target } = link
  const where = target === '' ? '' : ` on ${target}`
  return [nameOf(link), typeOf(type), `id ${id}`, `program ${programId}${where}`, fileOf(link)]
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
