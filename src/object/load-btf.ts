import type { Btf, TypeId } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { functionsOf } from '../spec/assemble.ts'
import { contextFunctions, withContextTypes } from '../spec/context-arguments.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import { forOlderKernels, withPlainNames } from '../spec/older-types.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import { btfLoad, btfLoadLogged, systemError } from '../syscall/index.ts'
import { kernelKnowsContextTag } from './context-tag.ts'

/** The object's types, as the kernel holds them. */
export interface LoadedBtf {
  readonly btf: Btf
  /** `undefined` where the kernel refuses them. */
  readonly fd: number | undefined
  /** Functions of a program that have another type there than in the object. */
  functionTypes(program: ProgramSpec): ReadonlyMap<TypeId, TypeId>
}

const unchanged: ReadonlyMap<TypeId, TypeId> = new Map()

/** Refusals that have nothing to do with the types: maps and programs would be refused as well. */
const notOfTypes: ReadonlySet<string> = /* @__PURE__ */ new Set(['EPERM', 'ENOMEM', 'EMFILE', 'ENFILE'])

/**
 * Loads the types of an object; the descriptor is the caller's to close. Where the kernel does not take their names or does
 * not know kinds of them, they are told with other names and in older kinds, which have the same ids. Where it refuses what a
 * compiler wrote in any case (it takes no char of gcc 12, for which that has a bit too many), maps and programs go without: a
 * warning says so.
 *
 * @throws BpfError with the kernel's errno, and its reason, where the types are not at fault or something needs them.
 */
export function loadBtf(spec: Spec): LoadedBtf | undefined {
  if (!spec.kernelBtf) return undefined
  const { btf, functionTypes } = typesToLoad(spec, spec.kernelBtf())
  return { btf, functionTypes, fd: loaded(spec, btf) }
}

function typesToLoad(spec: Spec, btf: Btf): Pick<LoadedBtf, 'btf' | 'functionTypes'> {
  if (contextFunctions(btf).size === 0 || kernelKnowsContextTag()) {
    return { btf, functionTypes: () => unchanged }
  }
  return withContextTypes(btf, loadedPrograms(spec), functionsOf)
}

function loaded(spec: Spec, btf: Btf): number | undefined {
  const fd = btfLoad(btf.bytes)
  if (fd >= 0) return fd
  const error = systemError(fd, 'bpf(BPF_BTF_LOAD)', { doing: "loading the object's BTF" })
  if (notOfTypes.has(error.code)) throw error
  const plain = withPlainNames(btf)
  const { result, log } = btfLoadLogged(plain.bytes)
  if (result >= 0) return result
  for (const older of forOlderKernels(plain)) {
    const accepted = btfLoad(older.bytes)
    if (accepted >= 0) return accepted
  }
  const reason = log.trim().split('\n').at(-1) || error.message
  const refusal = `the kernel refuses the object's BTF: ${reason}`
  if (spec.maps.some(({ type }) => type === 'struct_ops')) {
    throw new BpfError(refusal, { code: error.code, cause: error })
  }
  process.emitWarning(`${spec.name}: ${refusal}`, {
    code: 'BPFPIN_BTF_REFUSED',
    detail: 'It is loaded without types: other tools will not know what its maps hold.',
  })
  return undefined
}
