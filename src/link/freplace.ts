import { parseBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { isTarget } from '../spec/target-forms.ts'
import { type ProgramTarget, targetsOf } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import {
  btfBytes,
  btfGetFdById,
  progGetFdById,
  progInfo,
  settledPath,
  systemError,
} from '../syscall/index.ts'
import { Descriptor, openPinOf } from './descriptor.ts'
import { createLink, type Family } from './family.ts'

/** freplace: takes the place of a global function in another BPF program. Linux 5.6, with other targets than at load 5.10. */
export const freplace: Family<'program'> = {
  kind: 'program',
  wants: 'a program whose function it replaces',
  lacks: (_, target) =>
    target.function === undefined ? 'the name of the function that it replaces' : undefined,
  complete: completeReplaced,
  attach({ fd, doing }, target) {
    using replaced = openReplaced(target, doing)
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
function completeReplaced(asked: ProgramTarget, { name, rule, section }: ProgramSpec): ProgramTarget {
  const target = typeof asked.program === 'string' ? { ...asked, program: settledPath(asked.program) } : asked
  const named = rule?.extra
  if (!named || target.function === named) return target
  if (target.function === undefined) return { ...target, function: named }
  throw new BpfError(`program '${name}' (SEC("${section}")) replaces '${named}', not '${target.function}'`, {
    code: 'ERR_VALUE',
  })
}

/** A program that is open, and a function of it. */
export interface Replaced extends Disposable {
  /** Descriptor of the program, closed with it. */
  readonly fd: number
  /** The function in the program's BTF: what BPF_PROG_LOAD and BPF_LINK_CREATE want to know. */
  readonly btfId: number
}

/**
 * What a program is to replace: BPF_PROG_LOAD wants to know it, too.
 *
 * @throws BpfError `ERR_NO_TARGET` where the program does not say.
 */
export function replacedBy(program: ProgramSpec): Replaced {
  const doing = `loading program '${program.name}'`
  // with labels only, the first: the kernel takes others of equal types when it attaches
  const [target] = targetsOf(program)
  if (target && isTarget(target, 'program')) return openReplaced(completeReplaced(target, program), doing)
  throw new BpfError(`${doing}: it needs a program whose function it replaces`, {
    code: 'ERR_NO_TARGET',
    hint: "set the program's target: { program: '/sys/fs/bpf/...', function: '...' }",
  })
}

/** Opens the program that a target means, and finds its function. Needs CAP_SYS_ADMIN. */
function openReplaced(target: ProgramTarget, doing: string): Replaced {
  const program =
    typeof target.program === 'string'
      ? openPinOf('program', target.program, doing)
      : byId(target.program, doing)
  try {
    const btfId = functionId(program.fd, target.function ?? '', doing)
    return { fd: program.fd, btfId, [Symbol.dispose]: () => program[Symbol.dispose]() }
  } catch (error) {
    program[Symbol.dispose]()
    throw error
  }
}

function byId(id: number, doing: string): Descriptor {
  const fd = progGetFdById(id)
  if (fd < 0) {
    throw systemError(fd, 'bpf(BPF_PROG_GET_FD_BY_ID)', {
      doing: `${doing}: opening program ${id}`,
      hint: 'programs and their ids are listed by: bpftool prog list',
    })
  }
  return new Descriptor(fd)
}

function functionId(program: number, name: string, doing: string): number {
  for (const id of typesOf(program, doing).idsOf(name, 'func')) return id
  throw new BpfError(`${doing}: that program has no function '${name}'`, {
    code: 'ERR_NO_TARGET',
    hint: 'only global functions, which are not static, can be replaced',
  })
}

function typesOf(program: number, doing: string): ReturnType<typeof parseBtf> {
  const about = `${doing}: reading the types of that program`
  const info = progInfo(program)
  if (typeof info === 'number') throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing: about })
  if (info.btfId === 0) {
    throw new BpfError(`${about}: it was loaded without BTF`, {
      code: 'ERR_NO_TARGET',
      hint: 'compile it with -g',
    })
  }
  const fd = btfGetFdById(info.btfId)
  if (fd < 0) throw systemError(fd, 'bpf(BPF_BTF_GET_FD_BY_ID)', { doing: about })
  using _ = new Descriptor(fd)
  const bytes = btfBytes(fd)
  if (typeof bytes === 'number') throw systemError(bytes, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing: about })
  return parseBtf(bytes, { where: `BTF of program ${info.id}` })
}
