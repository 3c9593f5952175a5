import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import { type HookTarget, hookToLoad, type IteratorTarget } from '../spec/targets.ts'

/** The same target, if the program is loaded for it. @throws BpfError `ERR_VALUE` for any other. */
export function chosenAtLoad<T extends HookTarget | IteratorTarget>(target: T, program: LinkOwner): T {
  const asked = 'hook' in target ? target.hook : target.iterator
  const loaded = hookToLoad(program)
  if (asked === loaded) return target
  const { name, section } = program
  throw new BpfError(`program '${name}' (SEC("${section}")) is loaded for '${loaded}', not for '${asked}'`, {
    code: 'ERR_VALUE',
    hint: 'the hook of such a program is chosen when it is loaded: name it in the section, or one in all targets',
  })
}
