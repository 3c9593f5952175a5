import { BpfError } from '../errors.ts'
import { isTarget } from '../spec/target-forms.ts'
import { type HookTarget, type IteratorTarget, targetsOf } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'

/**
 * What a program is loaded for, a hook of the kernel or an iterator: as its section names it, or where that names none its
 * first target; empty where neither does.
 */
export function hookToLoad(program: ProgramSpec): string {
  const named = program.rule?.extra
  if (named) return named
  const [first] = targetsOf(program)
  if (first && isTarget(first, 'hook')) return first.hook
  return first && isTarget(first, 'iterator') ? first.iterator : ''
}

/** The same target, if the program is loaded for it. @throws BpfError `ERR_VALUE` for any other. */
export function chosenAtLoad<T extends HookTarget | IteratorTarget>(target: T, program: ProgramSpec): T {
  const asked = 'hook' in target ? target.hook : target.iterator
  const loaded = hookToLoad(program)
  if (asked === loaded) return target
  const { name, section } = program
  throw new BpfError(`program '${name}' (SEC("${section}")) is loaded for '${loaded}', not for '${asked}'`, {
    code: 'ERR_VALUE',
    hint: 'the hook of such a program is chosen when it is loaded: name it in the section, or one in all targets',
  })
}
