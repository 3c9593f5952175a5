import { BpfError } from '../../src/errors.ts'
import { type BpfMap, type BpfObject, type BpfProgram, type ObjectSpec, openObject } from '../../src/index.ts'
import type { MapShown, Outcome, Peer, ProgramShown } from './peer.ts'

/** The same as {@link Peer.load} says of libbpf; the program in C reads what the kernel holds of ours, too. */
export function loadOurs(
  peer: Peer,
  objects: readonly string[],
  root: string,
  { all = false }: { readonly all?: boolean } = {},
): Outcome[] {
  const results: Result[] = []
  try {
    for (const object of objects) results.push(load(object, root, all))
    return withShown(peer, results)
  } finally {
    for (const { live } of results) live?.close()
  }
}

interface Result {
  readonly outcome: Outcome
  readonly live?: BpfObject
}

function load(object: string, root: string, all: boolean): Result {
  const start = performance.now()
  const spec = attempt(() => openObject(object, { root }))
  const openedIn = Math.round((performance.now() - start) * 1000)
  if (spec instanceof BpfError) {
    return { outcome: { object, open: numberOf(spec), load: 0, refused: [], openedIn, said: said(spec) } }
  }
  if (all) takeAll(spec)
  const refused: string[] = []
  for (let first: BpfError | undefined; ; ) {
    const live = attempt(() => spec.load())
    if (live instanceof BpfError) first ??= live
    const outcome = {
      ...{ object, open: 0, load: first ? numberOf(first) : 0 },
      ...{ refused, openedIn, said: first ? said(first) : '' },
    }
    if (!(live instanceof BpfError)) return { outcome, live }
    const program = refusedProgram(spec, live)
    if (program === undefined) return { outcome }
    spec.programs.get(program).autoload = false
    refused.push(program)
  }
}

/** What {@link takeAll} gives entries to. */
const sized: ReadonlySet<string> = new Set(['hash', 'array', 'prog_array', 'percpu_hash', 'percpu_array'])

/** All programs and maps, also what is left to who loads the object: as peer.c does it. */
function takeAll({ programs, maps }: ObjectSpec): void {
  for (const program of programs) program.autoload = true
  for (const map of maps) {
    if (map.maxEntries === 0 && sized.has(map.type)) map.maxEntries = 64
  }
}

function attempt<T>(act: () => T): T | BpfError {
  try {
    return act()
  } catch (error) {
    if (error instanceof BpfError) return error
    throw error
  }
}

/** Which one is refused, if it is one of those that are still to be loaded. */
function refusedProgram(spec: ObjectSpec, { message }: BpfError): string | undefined {
  const name = /\bprogram '([^']+)'/.exec(message)?.[1]
  return name !== undefined && spec.programs.has(name) && spec.programs.get(name).autoload ? name : undefined
}

function numberOf({ errno }: BpfError): number {
  return errno ?? 1
}

function said({ code, message }: BpfError): string {
  return `${code}: ${message}`
}

/** All is asked for at once: a process takes an emulator a tenth of a second. */
function withShown(peer: Peer, results: readonly Result[]): Outcome[] {
  const mapsOf = ({ live }: Result): BpfMap[] => [...(live?.maps ?? [])]
  const programsOf = ({ live }: Result): BpfProgram[] => [...(live?.programs ?? [])]
  const seen = peer.show(
    results.flatMap(mapsOf).map(({ id }) => id),
    results.flatMap(programsOf).map(({ id }) => id),
  )
  const named = <T extends MapShown | ProgramShown>(items: Iterator<T>, from: { name: string }[]): T[] =>
    from.map(({ name }) => ({ ...items.next().value, name }))
  const [maps, programs] = [seen.maps.values(), seen.programs.values()]
  return results.map(result => ({
    ...result.outcome,
    ...(result.live && {
      maps: named(maps, mapsOf(result)),
      programs: named(programs, programsOf(result)),
    }),
  }))
}
