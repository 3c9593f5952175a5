import { BpfError } from '../errors.ts'
import { interfaceToLoad, loadedForProgram } from '../link/index.ts'
import { needsBtfTarget } from '../spec/sections.ts'
import { hookToLoad } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { closeFd, type ProgLoadOptions } from '../syscall/index.ts'
import { hookType } from './hook-type.ts'
import { openModuleBtf } from './module-fd.ts'
import type { OpsProgram } from './struct-ops.ts'

/** What a program is for, where the verifier wants to know it; its descriptor is needed while the program is loaded. */
export interface AttachTarget extends Disposable {
  readonly options: Pick<ProgLoadOptions, 'attachBtfId' | 'attachFd' | 'ifindex' | 'expectedAttachType'>
}

/**
 * A function of a program, a hook of the kernel or a module, a network card, a member of a struct.
 *
 * @throws BpfError `ERR_NO_TARGET` where the program does not say, or where there is no such thing.
 */
export function attachTarget(program: ProgramSpec, ops?: OpsProgram): AttachTarget {
  if (ops) return functionOf(ops, program)
  const ofProgram = loadedForProgram(program)
  if (ofProgram) {
    const { fd, btfId } = ofProgram
    return {
      options: { attachFd: fd, attachBtfId: btfId },
      [Symbol.dispose]: () => ofProgram[Symbol.dispose](),
    }
  }
  const ifindex = program.type === 'xdp' ? interfaceToLoad(program) : undefined
  if (ifindex !== undefined) return { options: { ifindex }, [Symbol.dispose]: noop }
  return needsBtfTarget(program) ? ofKernel(program) : { options: {}, [Symbol.dispose]: noop }
}

function ofKernel(program: ProgramSpec): AttachTarget {
  if (hookToLoad(program) === '') throw noHook(program)
  const { id, module } = hookType(program)
  if (module === undefined) return { options: { attachBtfId: id }, [Symbol.dispose]: noop }
  const fd = openModuleBtf(module, `loading program '${program.name}'`)
  return { options: { attachBtfId: id, attachFd: fd }, [Symbol.dispose]: () => closeFd(fd) }
}

function functionOf({ ops: { struct, from }, member }: OpsProgram, { name }: ProgramSpec): AttachTarget {
  const options = { attachBtfId: struct.id, expectedAttachType: member }
  if (from.module === undefined) return { options, [Symbol.dispose]: noop }
  const fd = openModuleBtf(from.module, `loading program '${name}'`)
  return { options: { ...options, attachFd: fd }, [Symbol.dispose]: () => closeFd(fd) }
}

function noHook(program: ProgramSpec): BpfError {
  const { name, section } = program
  return new BpfError(`program '${name}': SEC("${section}") does not say which hook`, {
    code: 'ERR_NO_TARGET',
    hint: `write SEC("${section}/name_of_the_hook")${orTarget(program)}`,
  })
}

/** The other way, where the hook is what a target of the kind says. */
function orTarget({ attachType }: ProgramSpec): string {
  if (attachType === 'lsm_cgroup') return ''
  return `, or set the program's target: { ${attachType === 'trace_iter' ? 'iterator' : 'hook'}: '...' }`
}

function noop(): void {}
