import { openPinned } from '../api/open-pinned.ts'
import type { PinnedObject } from '../api/pinned-object.ts'
import { createCodec, type Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { BpfMap, Entry, Variable } from '../map/index.ts'
import { holdsDescriptors } from '../plan/map-families.ts'
import { isConstantSection, isDataSection, sectionVariables } from '../spec/from-btf.ts'
import { type Command, exitCodes } from './command.ts'
import { UsageError } from './command-line.ts'
import type { Output } from './output.ts'
import { ownerOption, readOwner } from './owner.ts'
import { objectPlace } from './place.ts'
import { readValue } from './value-syntax.ts'
import { assignmentText, valueText } from './value-text.ts'

export const set: Command = {
  options: ownerOption,
  details: [
    'Sets variables of a pinned object, which its programs see at once, or writes one entry of one of its maps. Values',
    'are checked against their types first: where one does not fit, nothing is set. Constants cannot be set.',
    '',
    '  bpfpin set counter rate=5 comm=node',
    '  bpfpin set counter by_process 18966 \'{calls: 0, weighted: 0, comm: "node"}\'',
    '  bpfpin set firewall blocked 10.0.0.0/8 1',
    '',
    'VALUE and KEY are JSON, in which integers of any size are exact and may be in hexadecimal (0x1f), and names need no',
    'quotes. What does not begin like JSON is a string: the name of an enumerator, text of a char array. A struct has all',
    'of its fields; bytes, and keys and values without types, are [1, 2, 255]; a per-CPU value is an array with one value',
    'a CPU; a key of an LPM trie may be an IP address with the length of its prefix.',
    '',
    'With --json: what is there now, read back: {VARIABLE: value, ...}, or {key, value}.',
  ].join('\n'),
  advice: {
    ERR_READ_ONLY: 'set constants in the object before it is loaded, and pin it again',
    ERR_UNKNOWN_NAME:
      'bpfpin ls NAME shows its maps, bpfpin dump NAME/maps/.bss (.data, .rodata) its variables',
    ERR_VALUE: 'bpfpin set --help says how values are written',
  },
  purpose: operand => `set anything in '${operand}'`,
  run({ operands: [operand = '', ...rest], options, root }, output) {
    const wanted = readWanted(rest)
    const place = objectPlace(operand, root)
    using object = openPinned(place.name, { root: place.root, ...readOwner('set', options) })
    if ('map' in wanted) setEntry(object, wanted, output)
    else setVariables(object, wanted.variables, output)
    return exitCodes.done
  },
}

/** What the operands ask for, values as text. */
type Wanted =
  | { readonly variables: ReadonlyMap<string, string> }
  | { readonly map: string; readonly key: string; readonly value: string }

/** No name of a map or variable has a `=` in it. */
function readWanted(operands: readonly string[]): Wanted {
  const [map = '', key = '', value = ''] = operands
  if (!map.includes('=')) {
    if (operands.length === 3) return { map, key, value }
    throw wrongUsage('what to set is VARIABLE=VALUE, as often as wanted, or MAP KEY VALUE')
  }
  const variables = new Map<string, string>()
  for (const assignment of operands) {
    const equals = assignment.indexOf('=')
    if (equals <= 0) throw wrongUsage(`'${assignment}' is not VARIABLE=VALUE`)
    const name = assignment.slice(0, equals)
    if (variables.has(name)) throw wrongUsage(`variable '${name}' is to be set twice`)
    variables.set(name, assignment.slice(equals + 1))
  }
  return { variables }
}

function wrongUsage(problem: string): UsageError {
  return new UsageError(`set: ${problem}`, 'set --help')
}

/** All values are known to fit before the first is set. */
function setVariables(object: PinnedObject, texts: ReadonlyMap<string, string>, output: Output): void {
  const check = checkerOf(object)
  const assignments = Array.from(texts, ([name, text]) => {
    const variable = object.variables.get(name)
    const value = named(name, () => readValue(text))
    check(variable, value)
    return { variable, value }
  })
  for (const { variable, value } of assignments) variable.set(value)
  const now = Object.fromEntries(assignments.map(({ variable }) => [variable.name, variable.get()]))
  if (output.json) output.document(now)
  else output.print(Object.entries(now).map(([name, value]) => assignmentText(name, value)))
}

/** Says before anything is written whether a variable takes a value. */
function checkerOf({ maps }: PinnedObject): (variable: Variable, value: Value) => void {
  const sections = [...maps].filter(({ name, type }) => isDataSection(name) && type === 'array')
  const btf = sections[0]?.types?.btf
  const places = btf ? sectionVariables(btf, namesOf(sections)) : []
  const types = new Map(places.map(({ name, type }) => [name, type]))
  return ({ name, size, map, readOnly }, value) => {
    if (readOnly) throw constant(`variable '${name}' is in ${map}`)
    const type = types.get(name)
    if (btf && type !== undefined) createCodec(btf, type, name).encode(value, new Uint8Array(size))
  }
}

function namesOf(maps: readonly BpfMap[]): string[] {
  return maps.map(({ name }) => name)
}

function constant(what: string): BpfError {
  return new BpfError(`${what}: constants cannot change once programs were verified with them`, {
    code: 'ERR_READ_ONLY',
  })
}

function setEntry(
  object: PinnedObject,
  wanted: { readonly map: string; readonly key: string; readonly value: string },
  output: Output,
): void {
  const map = object.maps.get(wanted.map)
  mustBeWritable(map)
  const key = entryOf(wanted.key, 'key', map)
  const value = entryOf(wanted.value, 'value', map)
  map.set(key, value)
  const now = map.get(key)
  if (output.json) output.document({ key, value: now ?? null })
  else
    output.print([
      `${map.keyText(key) ?? valueText(key)}: ${now === undefined ? 'gone again' : valueText(now)}`,
    ])
}

function mustBeWritable({ name, type }: BpfMap): void {
  if (isConstantSection(name) && type === 'array') throw constant(`map '${name}' holds constants`)
  if (!holdsDescriptors(type)) return
  throw new BpfError(
    `map '${name}' is of type ${type}: what is put into it is no value that can be written here`,
    {
      code: 'ERR_UNSUPPORTED',
    },
  )
}

/** Without a type a key or value is as many bytes as it has. */
function entryOf(text: string, part: 'key' | 'value', map: BpfMap): Entry {
  const value = named(`${part} of map '${map.name}'`, () => readValue(text))
  // a readonly array is not narrowed by Array.isArray
  const bytes = Array.isArray(value) ? (value as readonly Value[]) : undefined
  if (!bytes || map.types?.[part]) return value
  const isBytes = bytes.every(byte => typeof byte === 'number' && byte >= 0 && byte <= 255)
  // every one was just seen to be a number
  return isBytes ? Uint8Array.from(bytes as readonly number[]) : value
}

/** Says whose value it is that cannot be read. */
function named<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    throw new BpfError(`${what}: ${error.message}`, { code: error.code })
  }
}
