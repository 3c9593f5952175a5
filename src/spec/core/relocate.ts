import { type Btf, type CoreRelocation, coreKinds } from '../../btf/index.ts'
import { BpfError } from '../../errors.ts'
import { instructionSize } from '../instructions.ts'
import type { FunctionSpec, Spec } from '../types.ts'
import { accessText } from './access.ts'
import { Candidates, type CoreTarget } from './candidates.ts'
import { type Resolution, resolve } from './resolve.ts'

/** A relocation of a function, resolved. */
export interface CoreFix {
  /** Instruction, counted from the function's start. */
  readonly at: number
  readonly relocation: CoreRelocation
  readonly resolution: Resolution
}

/** What is to be written into each function that has CO-RE relocations. */
export type CoreFixes = ReadonlyMap<FunctionSpec, readonly CoreFix[]>

/** The CO-RE relocations of a function, in the order of `.BTF.ext`. */
export function coreRelocations({ ext, elf }: Spec, fn: FunctionSpec): readonly CoreRelocation[] {
  const all = ext?.coreRelocations.get(elf.sections[fn.section]!.name) ?? []
  const start = fn.start * instructionSize
  const end = start + fn.length * instructionSize
  return all.filter(({ offset }) => offset >= start && offset < end)
}

/**
 * Resolves the CO-RE relocations of these functions by the types of a kernel, in the order in which they are in the object.
 * The target is not looked at unless there are any. Equal ones are resolved once: candidates that are given up for one are
 * such as do not have what another has found, so that a later one comes to the same.
 *
 * @throws BpfError `ERR_CORE` for a relocation that makes no sense, or for which several types of the kernel give different
 * answers. What the kernel does not have is no error: the instruction is made one that must not be reached.
 */
export function resolveCore(spec: Spec, functions: Iterable<FunctionSpec>, target: CoreTarget): CoreFixes {
  const fixes = new Map<FunctionSpec, CoreFix[]>()
  const { btf, ext, elf } = spec
  if (!btf || !ext || ext.coreRelocations.size === 0) return fixes
  const candidates = new Candidates(btf, target)
  // by the access, then by type and kind: thousands of relocations, and no text made for one
  const known = new Map<string, Map<number, Resolution>>()
  const resolved = (relocation: CoreRelocation): Resolution => {
    const { type, kind, access } = relocation
    let those = known.get(access)
    if (!those) known.set(access, (those = new Map()))
    const key = type * coreKinds.length + coreKinds.indexOf(kind)
    const before = those.get(key)
    if (before) return before
    const resolution = resolve(btf, relocation, candidates, elf.littleEndian)
    those.set(key, resolution)
    return resolution
  }
  const bySection = groupBySection(spec, functions)
  for (const [section, relocations] of ext.coreRelocations) {
    const those = bySection.get(section) ?? []
    for (const relocation of relocations) {
      const instruction = relocation.offset / instructionSize
      const fn = functionAt(those, instruction)
      // a linker leaves the records of a weak function that it replaced
      if (!fn) continue
      const at = instruction - fn.start
      const resolution = within(btf, fn, at, relocation, () => resolved(relocation))
      const fix = { at, relocation, resolution }
      const others = fixes.get(fn)
      if (others) others.push(fix)
      else fixes.set(fn, [fix])
    }
  }
  return fixes
}

/**
 * The function that has an instruction of its section, of functions in the order of their starts; where some overlap, the
 * one that starts last, as in libbpf.
 */
function functionAt(functions: readonly FunctionSpec[], instruction: number): FunctionSpec | undefined {
  let [low, high] = [0, functions.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (functions[middle]!.start <= instruction) low = middle + 1
    else high = middle
  }
  const fn = functions[low - 1]
  return fn && instruction < fn.start + fn.length ? fn : undefined
}

function groupBySection({ elf }: Spec, functions: Iterable<FunctionSpec>): Map<string, FunctionSpec[]> {
  const bySection = new Map<string, FunctionSpec[]>()
  for (const fn of new Set(functions)) {
    const { name } = elf.sections[fn.section]!
    const others = bySection.get(name)
    if (others) others.push(fn)
    else bySection.set(name, [fn])
  }
  for (const those of bySection.values()) those.sort((a, b) => a.start - b.start)
  return bySection
}

/** Says of an error about a relocation which one it is. */
export function within<T>(
  btf: Btf,
  fn: FunctionSpec,
  at: number,
  relocation: CoreRelocation,
  step: () => T,
): T {
  try {
    return step()
  } catch (cause) {
    if (!(cause instanceof BpfError) || cause.code !== 'ERR_CORE') throw cause
    throw new BpfError(
      `function '${fn.name}', instruction ${at}: CO-RE relocation ${relocation.kind} of ` +
        `${accessText(btf, relocation)}: ${cause.message}`,
      { code: 'ERR_CORE', cause },
    )
  }
}
