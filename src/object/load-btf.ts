import type { Btf, TypeId } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { functionsOf } from '../spec/assemble.ts'
import { contextFunctions, withContextTypes } from '../spec/context-arguments.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import { btfLoad, btfLoadLogged, systemError } from '../syscall/index.ts'
import { kernelKnowsContextTag } from './context-tag.ts'

/** The object's types, as the kernel holds them. */
export interface LoadedBtf {
  readonly btf: Btf
  readonly fd: number
  /** Functions of a program that have another type there than in the object. */
  functionTypes(program: ProgramSpec): ReadonlyMap<TypeId, TypeId>
}

const unchanged: ReadonlyMap<TypeId, TypeId> = new Map()

/**
 * Loads the types of an object; the descriptor is the caller's to close.
 *
 * @throws BpfError with the kernel's errno, and its reason.
 */
export function loadBtf(spec: Spec): LoadedBtf | undefined {
  if (!spec.kernelBtf) return undefined
  const { btf, functionTypes } = typesToLoad(spec, spec.kernelBtf())
  return { btf, functionTypes, fd: loaded(btf) }
}

function typesToLoad(spec: Spec, btf: Btf): Pick<LoadedBtf, 'btf' | 'functionTypes'> {
  if (contextFunctions(btf).size === 0 || kernelKnowsContextTag()) {
    return { btf, functionTypes: () => unchanged }
  }
  return withContextTypes(btf, loadedPrograms(spec), functionsOf)
}

function loaded(btf: Btf): number {
  const fd = btfLoad(btf.bytes)
  if (fd >= 0) return fd
  const error = systemError(fd, 'bpf(BPF_BTF_LOAD)', { doing: "loading the object's BTF" })
  const { result, log } = btfLoadLogged(btf.bytes)
  if (result >= 0) return result
  const reason = log.trim().split('\n').at(-1) ?? ''
  if (reason === '') throw error
  throw new BpfError(`the kernel refuses the object's BTF: ${reason}`, { code: error.code, cause: error })
}
