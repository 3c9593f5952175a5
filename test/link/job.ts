import { type ObjectSpec, openObject, type Target } from '../../src/index.ts'

/** One program of an object, attached and pinned under a name of its own; the others are left out. */
export interface Job {
  readonly name: string
  readonly path: string
  readonly program: string
  readonly target: Target | undefined
  /** Count the events of this process only, where the object can. */
  readonly pid: number
}

/** Id of the link by the name of the job, or why there is none. */
export type Report = Record<string, number | string>

export function specOf({ name, path, program, target, pid }: Job, root: string): ObjectSpec {
  const spec = openObject(path, { root, name })
  for (const one of spec.programs) one.autoload = one.name === program
  if (spec.variables.has('only_pid')) spec.variables.get('only_pid').set(pid)
  spec.programs.get(program).target = target
  return spec
}
