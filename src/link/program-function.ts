import { parseBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { kernelNameOf } from '../spec/empty-map.ts'
import type { ProgramTarget } from '../spec/targets.ts'
import {
  btfBytes,
  btfGetFdById,
  ENOENT,
  progGetFdById,
  progGetNextId,
  progInfo,
  settledPath,
  systemError,
} from '../syscall/index.ts'
import { Descriptor, openPinOf } from './descriptor.ts'

/** A program that is open, and a function of it. */
export interface ProgramFunction extends Disposable {
  /** Descriptor of the program, closed with it. */
  readonly fd: number
  /** The function in the program's BTF: what BPF_PROG_LOAD and BPF_LINK_CREATE want to know. */
  readonly btfId: number
}

/** A path has a `/` in it; anything else is the name that the kernel shows. */
function isPath(program: string): boolean {
  return program.includes('/')
}

/** A program as it is found again from anywhere: a path from the working directory becomes a whole one. */
export function settledProgram(program: number | string): number | string {
  return typeof program === 'string' && isPath(program) ? settledPath(program) : program
}

/**
 * Opens the program that a target means, and finds its function. Needs CAP_SYS_ADMIN.
 *
 * @param hint what functions it may be
 * @throws BpfError `ERR_NO_TARGET` where there is no such program or function, else with the kernel's errno.
 */
export function openFunction(target: ProgramTarget, doing: string, hint: string): ProgramFunction {
  const program = openProgram(target.program, doing)
  try {
    const btfId = functionId(program.fd, target.function ?? '', { doing, hint })
    return { fd: program.fd, btfId, [Symbol.dispose]: () => program[Symbol.dispose]() }
  } catch (error) {
    program[Symbol.dispose]()
    throw error
  }
}

function openProgram(program: number | string, doing: string): Descriptor {
  if (typeof program === 'number') return byId(program, doing)
  return isPath(program) ? openPinOf('program', program, doing) : byName(program, doing)
}

const programList = 'programs and their ids are listed by: bpftool prog list'

function byId(id: number, doing: string): Descriptor {
  const fd = progGetFdById(id)
  if (fd >= 0) return new Descriptor(fd)
  throw systemError(fd, 'bpf(BPF_PROG_GET_FD_BY_ID)', {
    doing: `${doing}: opening program ${id}`,
    hint: programList,
  })
}

/** The kernel keeps 15 bytes of a name, and lets programs share one. */
function byName(name: string, doing: string): Descriptor {
  const ids = idsNamed(kernelNameOf(name), doing)
  const [only] = ids
  if (only !== undefined && ids.length === 1) return byId(only, doing)
  const found = only === undefined ? 'there is no program' : `programs ${ids.join(', ')} are all`
  throw new BpfError(`${doing}: ${found} named '${name}'`, {
    code: 'ERR_NO_TARGET',
    hint: only === undefined ? programList : 'say which, by its id or the path of its pin',
  })
}

function idsNamed(name: string, doing: string): number[] {
  const ids: number[] = []
  for (let id = progGetNextId(0); id !== ENOENT; id = progGetNextId(id)) {
    if (id < 0)
      throw systemError(id, 'bpf(BPF_PROG_GET_NEXT_ID)', { doing: `${doing}: looking for '${name}'` })
    const fd = progGetFdById(id)
    if (fd < 0) continue // gone meanwhile
    using program = new Descriptor(fd)
    const info = progInfo(program.fd)
    if (typeof info !== 'number' && info.name === name) ids.push(id)
  }
  return ids
}

interface Looking {
  readonly doing: string
  readonly hint: string
}

function functionId(program: number, name: string, { doing, hint }: Looking): number {
  for (const id of typesOf(program, doing).idsOf(name, 'func')) return id
  throw new BpfError(`${doing}: that program has no function '${name}'`, { code: 'ERR_NO_TARGET', hint })
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
