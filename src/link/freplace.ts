import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import { functionToLoad, type ProgramTarget } from '../spec/targets.ts'
import { createLink, type Family } from './family.ts'
import { openFunction, type ProgramFunction, settledProgram } from './program-function.ts'

const globalOnly = 'only global functions, which are not static, can be replaced'

/** freplace: takes the place of a global function in another BPF program. Linux 5.6, with other targets than at load 5.10. */
export const freplace: Family<'program'> = {
  kind: 'program',
  wants: 'a program whose function it replaces',
  lacks: (_, target) =>
    target.function === undefined ? 'the name of the function that it replaces' : undefined,
  complete: completeFunction,
  attach({ fd, doing }, target) {
    using replaced = openFunction(target, doing, globalOnly)
    return createLink(
      {
        fd,
        target: replaced.fd,
        attachType: 0,
        detail: { kind: 'tracing', targetBtfId: replaced.btfId },
      },
      {
        doing,
        since: '5.10',
        hints: {
          // kernel/bpf/trampoline.c: __bpf_trampoline_link_prog
          EBUSY: 'another program replaces that function already, or traces it (fentry, fexit)',
          EINVAL: 'the function must be global, and have the types of the program that replaces it',
        },
      },
    )
  },
}

/** The target as it is good anywhere, with the function that the section names. @throws BpfError `ERR_VALUE` where it names another. */
export function completeFunction(asked: ProgramTarget, { name, rule, section }: LinkOwner): ProgramTarget {
  const target = { ...asked, program: settledProgram(asked.program) }
  const named = rule?.extra
  if (!named || target.function === named) return target
  if (target.function === undefined) return { ...target, function: named }
  throw new BpfError(
    `program '${name}' (SEC("${section}")) is for '${named}', not for '${target.function}'`,
    {
      code: 'ERR_VALUE',
    },
  )
}

/**
 * The function of another program that a program is to replace, or to trace: BPF_PROG_LOAD wants to know it, too.
 * `undefined` for a program that is for the kernel.
 *
 * @throws BpfError `ERR_NO_TARGET` where a program that replaces does not say what.
 */
export function loadedForProgram(program: LinkOwner): ProgramFunction | undefined {
  const doing = `loading program '${program.name}'`
  const target = functionToLoad(program)
  const isReplacing = program.type === 'ext'
  if (target) {
    const hint = isReplacing ? globalOnly : 'functions that the compiler put into others are none any more'
    return openFunction(completeFunction(target, program), doing, hint)
  }
  if (!isReplacing) return undefined
  throw new BpfError(`${doing}: it needs a program whose function it replaces`, {
    code: 'ERR_NO_TARGET',
    hint: "set the program's target: { program: '/sys/fs/bpf/...', function: '...' }",
  })
}
