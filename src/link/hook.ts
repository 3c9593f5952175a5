import { BpfError } from '../errors.ts'
import type { HookTarget } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'

/** A hook that went into the program when it was loaded. @throws BpfError `ERR_VALUE` for any other. */
export function chosenAtLoad(target: HookTarget, { name, rule, section }: ProgramSpec): HookTarget {
  const loaded = rule?.extra
  if (!loaded || target.hook === loaded) return target
  throw new BpfError(
    `program '${name}' (SEC("${section}")) is loaded for '${loaded}', not for '${target.hook}'`,
    {
      code: 'ERR_VALUE',
      hint: 'the hook of such a program is chosen when it is loaded: name it in the section',
    },
  )
}
