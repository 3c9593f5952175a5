import type { Collection } from '../api/collection.ts'
import type { ObjectSpec } from '../api/object-spec.ts'
import { didYouMean } from '../btf/index.ts'
import { closeGeneration, openNamed, Root } from '../pin/index.ts'
import type { ProgramSpec } from '../spec/types.ts'
import type { Option } from './command.ts'
import { UsageError } from './command-line.ts'

/** Of commands that load an object, or say what loading it would do. */
export const programOptions: Readonly<Record<string, Option>> = {
  load: {
    ...{ value: 'PROGRAM', isRepeatable: true },
    text: 'load what the object leaves out (SEC("?...")), now and in later calls; may be repeated',
  },
  'leave-out': {
    ...{ value: 'PROGRAM', isRepeatable: true },
    text: 'load all but this program; may be repeated',
  },
}

/** Which programs a person wants loaded, and which not. */
export interface Wanted {
  readonly load: readonly string[]
  readonly leaveOut: readonly string[]
  /** Where it may be pinned already, if that counts. */
  readonly root: string | undefined
}

/**
 * Says of each program whether it is loaded: what the object leaves out by itself is if it is named, or if it is pinned
 * already, so that it need not be named again.
 *
 * @throws UsageError for a program that the object does not have, and for one that is to be loaded and left out.
 */
export function applyWanted(command: string, spec: ObjectSpec, { load, leaveOut, root }: Wanted): void {
  const both = load.find(name => leaveOut.includes(name))
  if (both !== undefined) throw wrongUsage(command, `'${both}' is to be loaded and to be left out`)
  const optional = [...spec.programs].filter(({ section, autoload }) => section.startsWith('?') && !autoload)
  if (optional.length > 0 && root !== undefined) {
    const pinned = pinnedPrograms(spec, root)
    for (const program of optional) program.autoload = pinned.has(program.name)
  }
  for (const name of load) programNamed(command, spec.programs, name).autoload = true
  for (const name of leaveOut) programNamed(command, spec.programs, name).autoload = false
}

/** By name; empty where nothing is pinned, or what is pinned there is not ours to read: the command itself will say so. */
function pinnedPrograms(spec: ObjectSpec, path: string): ReadonlySet<string> {
  using root = Root.find(path)
  const generation = root && openNamed(root, spec.name, 'any')
  if (!generation) return new Set()
  const names = generation.manifest?.programs.map(({ name }) => name)
  closeGeneration(generation)
  return new Set(names)
}

function programNamed(command: string, programs: Collection<ProgramSpec>, name: string): ProgramSpec {
  if (programs.has(name)) return programs.get(name)
  throw wrongUsage(
    command,
    `there is no program '${name}' in the object${didYouMean(name, programs.names())}`,
  )
}

function wrongUsage(command: string, problem: string): UsageError {
  return new UsageError(`${command}: ${problem}`, `${command} --help`)
}
