import { codeLines, withoutAddresses } from './code.ts'
import type { MapShown, Outcome, ProgramShown } from './peer.ts'

/** One thing in which libbpf and we differ. */
export interface Difference {
  readonly object: string
  /** `verdict`, `map flags`, `program instructions`, ... */
  readonly what: string
  /** The map or program; `''` where it is the object. */
  readonly name: string
  readonly libbpf: string
  readonly bpfpin: string
}

/** In words; where of the refusing calls it was is no difference. */
export function verdictOf({ open, load }: Outcome): string {
  if (open !== 0) return 'refused at open'
  return load === 0 ? 'loads' : 'refused at load'
}

function isRefused({ open, load }: Outcome): boolean {
  return open !== 0 || load !== 0
}

/** All differences of what both made of the same object. */
export function differences(object: string, theirs: Outcome, ours: Outcome): Difference[] {
  const found: Difference[] = []
  const compare = (what: string, name: string, libbpf: string, bpfpin: string): void => {
    if (libbpf !== bpfpin) found.push({ object, what, name, libbpf, bpfpin })
  }
  if (isRefused(theirs) !== isRefused(ours)) compare('verdict', '', verdictOf(theirs), verdictOf(ours))
  if (!theirs.maps || !ours.maps) return found
  compare('refused programs', '', theirs.refused.toSorted().join(' '), ours.refused.toSorted().join(' '))
  const maps = [keyed(theirs.maps, 'kernelName'), keyed(ours.maps, 'kernelName')] as const
  const programs = [keyed(theirs.programs ?? [], 'name'), keyed(ours.programs ?? [], 'name')] as const
  const namers = maps.map(side => namer(side)) as [Namer, Namer] // one for each side
  const programNamers = programs.map(side => namer(side)) as [Namer, Namer] // one for each side
  const sides = [
    { maps: maps[0], programs: programs[0], map: namers[0], program: programNamers[0] },
    { maps: maps[1], programs: programs[1], map: namers[1], program: programNamers[1] },
  ] as const
  const [a, b] = sides
  compare('maps', '', names(a.maps), names(b.maps))
  compare('programs', '', names(a.programs), names(b.programs))
  for (const [name, map] of a.maps) {
    const other = b.maps.get(name)
    if (!other) continue
    const [left, right] = [mapFields(map, a.map, a.program), mapFields(other, b.map, b.program)]
    for (const [field, value] of Object.entries(left)) compare(`map ${field}`, name, value, right[field]!)
  }
  for (const [name, program] of a.programs) {
    const other = b.programs.get(name)
    if (!other) continue
    const [left, right] = [programFields(program, a.map), programFields(other, b.map)]
    for (const [field, value] of Object.entries(left)) compare(`program ${field}`, name, value, right[field]!)
    const [theirCode, ourCode] = [codeLines(program.xlated, a.map), codeLines(other.xlated, b.map)]
    const at = theirCode.findIndex((line, i) => line !== ourCode[i])
    const line = (code: readonly string[]): string => `${code.length} instructions; ${at}: ${code[at] ?? ''}`
    if (at >= 0 || theirCode.length !== ourCode.length)
      compare('program instructions', name, line(theirCode), line(ourCode))
  }
  return found
}

function names(items: ReadonlyMap<string, unknown>): string {
  return [...items.keys()].sort().join(' ')
}

type Namer = (id: number) => string

/** By name, in the order in which they were made; of equal names the later have a number. */
function keyed<T extends MapShown | ProgramShown>(
  items: readonly T[],
  key: 'name' | 'kernelName',
): Map<string, T> {
  const found = new Map<string, T>()
  for (const item of items.toSorted((a, b) => a.id - b.id)) {
    let name = item[key]
    for (let i = 1; found.has(name); i++) name = `${item[key]}#${i}`
    found.set(name, item)
  }
  return found
}

function namer(items: ReadonlyMap<string, { readonly id: number }>): Namer {
  const names = new Map(Array.from(items, ([name, { id }]) => [id, name]))
  return id => names.get(id) ?? '?'
}

/** BPF_MAP_TYPE_PROG_ARRAY */
const programArray = 3

function mapFields(map: MapShown, mapName: Namer, programName: Namer): Record<string, string> {
  const { id: _id, name: _name, kernelName, value = '', slots = [], ...fields } = map
  // maps and programs are numbered apart: the same number can be of one of either
  const heldName = map.type === programArray ? programName : mapName
  return {
    ...Object.fromEntries(Object.entries(fields).map(([field, number]) => [field, String(number)])),
    kernelName,
    value: withoutAddresses(value),
    // a hash of maps gives its keys in an order of its own
    slots: slots
      .toSorted(([a], [b]) => a - b)
      .map(([key, held]) => `${key}: ${held === 0 ? 'empty' : heldName(held)}`)
      .join(', '),
  }
}

function programFields(program: ProgramShown, mapName: Namer): Record<string, string> {
  const { id: _id, name: _name, xlated: _xlated, maps, ...fields } = program
  return {
    ...Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)])),
    maps: maps.map(mapName).sort().join(' '),
  }
}
