import { loadedPrograms } from '../spec/loaded.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import type { Absent } from './collection.ts'

/** Why a live object lacks a map that it has in its file. */
export function absentMap({ maps }: Spec): Absent {
  return name => {
    const map = maps.find(one => one.name === name)
    if (!map) return undefined
    if (!map.autocreate) return notMade('was not created: its autocreate is false')
    return map.pinPath === null ? notPinned : undefined
  }
}

/** As {@link absentMap}, of a program. */
export function absentProgram(spec: Spec): Absent {
  return name => {
    const program = spec.programs.find(one => one.name === name)
    if (!program) return undefined
    if (!loadedPrograms(spec).includes(program)) return notMade(notLoaded(program))
    return program.pinPath === null ? notPinned : undefined
  }
}

function notLoaded({ type }: ProgramSpec): string {
  const why =
    type === 'struct_ops' ? 'no struct_ops map that is created points to it' : 'its autoload is false'
  return `was not loaded: ${why}`
}

/** As {@link absentMap}, of a variable, which is where its map is. */
export function absentVariable(spec: Spec): Absent {
  const ofMap = absentMap(spec)
  return name => {
    const map = spec.variables.find(one => one.name === name)?.map
    const why = map === undefined ? undefined : ofMap(map)
    return why && { ...why, problem: `is in map '${map}', which ${why.problem}` }
  }
}

/** As {@link absentMap}, of the link of a program or a struct_ops map. */
export function absentLink({ programs, maps }: Spec): Absent {
  return name => {
    const isOwner = programs.some(program => program.name === name)
    const isOps = maps.some(map => map.structOps && map.name === name)
    if (!isOwner && !isOps) return undefined
    return {
      problem: 'is not there: nothing of that name is attached',
      hint: 'attach() the object, or this one',
    }
  }
}

/** As {@link absentMap}, of anything of an object that was found pinned by a skeleton's types. */
export function absentPinned({ maps, programs, variables }: Spec): Absent {
  const names = new Set([...maps, ...programs, ...variables].map(({ name }) => name))
  const problem = 'is not pinned: it was left out, or not attached, when the object was pinned'
  return name => (names.has(name) ? { problem, hint: 'see what is pinned: bpfpin ls' } : undefined)
}

/** What is not pinned went with the process that loaded the object. */
const notPinned = {
  problem: 'is not pinned, as its pinPath is null: an object that is found pinned does not have it',
  hint: 'only the process that loaded the object has what is not pinned',
}

function notMade(problem: string): { readonly problem: string; readonly hint: string } {
  return { problem, hint: 'set it before the object is loaded' }
}
