import { BpfError } from '../errors.ts'
import { accessText } from './core/access.ts'
import { patch } from './core/patch.ts'
import { type CoreFixes, coreRelocations, within } from './core/relocate.ts'
import { type DebugInfo, debugInfo, type Placement } from './debug-info.ts'
import { applyExtern, type ExternReference } from './externs/apply.ts'
import type { ResolvedExtern } from './externs/resolve.ts'
import { Instructions, instructionSize, pseudo } from './instructions.ts'
import { type Poisoned, poison } from './poison.ts'
import type { Reference } from './references.ts'
import { needsBtfTarget } from './sections.ts'
import { placeToLoad } from './targets.ts'
import type { FunctionSpec, ProgramSpec, Spec } from './types.ts'

/** A program as BPF_PROG_LOAD takes it. */
export interface AssembledProgram extends DebugInfo {
  readonly instructions: Uint8Array
  /** By instruction: why it cannot be run on this kernel; the verifier refuses a program that can reach it. */
  readonly poisoned: ReadonlyMap<number, Poisoned>
}

/** The kernel takes no program of more instructions (include/linux/bpf.h: BPF_COMPLEXITY_LIMIT_INSNS). */
const mostInstructions = 1_000_000

/**
 * Puts a program together: its own function, then each sub-program that it reaches, once, in the order in which calls
 * meet them; all references filled in.
 *
 * @param descriptorOf gives the descriptor of a map by its name in the object, `undefined` for one that is not created
 * @param core what its CO-RE relocations come to; those of functions that are not in it stay as compiled
 * @param externs what the kernel has for names that it defines; instructions that use others stay as compiled
 * @throws BpfError `ERR_CORE` for a CO-RE relocation that does not fit its instruction.
 */
export function assemble(
  spec: Spec,
  program: ProgramSpec,
  descriptorOf: (map: string) => number | undefined,
  core: CoreFixes = new Map(),
  externs: ReadonlyMap<string, ResolvedExtern> = new Map(),
): AssembledProgram {
  const placements = placeFunctions(program.body)
  const last = placements.at(-1)!
  const length = last.at + last.fn.length
  if (length > mostInstructions) {
    throw new BpfError(
      `program '${program.name}' has ${length} instructions, the kernel takes ${mostInstructions}`,
      {
        code: 'ERR_ELF',
      },
    )
  }
  const instructions = new Uint8Array(length * instructionSize)
  const code = new Instructions(instructions, spec.elf.littleEndian)
  const startOf = new Map(placements.map(({ fn, at }) => [fn, at]))
  const poisoned = new Map<number, Poisoned>()
  for (const placement of placements) {
    const { fn, at } = placement
    instructions.set(bytesOf(spec, fn), at * instructionSize)
    applyCore(spec, code, placement, core, poisoned)
    for (const reference of fn.references) {
      const place = at + reference.at
      const descriptor = isOfMap(reference) ? descriptorOf(reference.map) : undefined
      if (reference.kind === 'extern') {
        const missing = applyExtern(code, place, reference, externs.get(reference.name))
        if (missing) poisoned.set(place, missing)
      } else if (isOfMap(reference) && descriptor === undefined) {
        poisoned.set(place, poisonMap(spec, code, place, reference))
      } else {
        resolve(code, place, reference, startOf, descriptor ?? -1)
      }
    }
  }
  return { instructions, poisoned, ...debugInfo(spec, placements) }
}

function applyCore(
  { btf }: Spec,
  code: Instructions,
  { fn, at }: Placement,
  core: CoreFixes,
  poisoned: Map<number, Poisoned>,
): void {
  if (!btf) return
  for (const fix of core.get(fn) ?? []) {
    const why = within(btf, fn, fix.at, fix.relocation, () => patch(code, at + fix.at, fix.resolution))
    if (!why) continue
    const noun = nounOf(fix.relocation.kind)
    poisoned.set(at + fix.at, { needs: () => `${noun} of ${why()}`, hint: askFirst })
  }
}

const askFirst = 'ask first: bpf_core_field_exists(), bpf_core_type_exists(), bpf_core_enum_value_exists()'

/** `field_byte_offset` in a sentence. */
function nounOf(kind: string): string {
  return kind === 'enumval_value' ? 'the value' : `the ${kind.replace('field_', '').replaceAll('_', ' ')}`
}

type MapReference = Extract<Reference, { readonly map: string }>

function isOfMap(reference: Reference): reference is MapReference {
  return reference.kind === 'map' || reference.kind === 'data' || reference.kind === 'kconfig'
}

/** Both halves of the load become calls, and so the program stays as long as it was. */
function poisonMap({ maps }: Spec, code: Instructions, at: number, { map }: MapReference): Poisoned {
  const helper = poison.map + maps.findIndex(({ name }) => name === map)
  code.setCall(at, helper)
  code.setCall(at + 1, helper)
  return {
    needs: () => `map '${map}', which is not created: its autocreate is false`,
    hint: 'set its autocreate to true, or let no code that runs use it: a constant that is false, set before loading',
  }
}

/** The functions of a program: its own, then each sub-program that it reaches. */
export function functionsOf({ body }: ProgramSpec): FunctionSpec[] {
  return placeFunctions(body).map(({ fn }) => fn)
}

/** The unrelocated instructions of a function. */
function bytesOf(spec: Spec, fn: FunctionSpec): Uint8Array {
  const section = spec.elf.sections[fn.section]!
  return section.data.subarray(fn.start * instructionSize, (fn.start + fn.length) * instructionSize)
}

/** Depth first from the program's own function. Not recursive: a file could hold a chain of a million functions. */
function placeFunctions(body: FunctionSpec): Placement[] {
  const placements: Placement[] = []
  const seen = new Set<FunctionSpec>()
  let end = 0
  const enter = (fn: FunctionSpec): Iterator<Reference> => {
    seen.add(fn)
    placements.push({ fn, at: end })
    end += fn.length
    return fn.references[Symbol.iterator]()
  }
  const open = [enter(body)]
  for (let walk = open.at(-1); walk; walk = open.at(-1)) {
    const { done, value } = walk.next()
    if (done) open.pop()
    else if ('to' in value && !seen.has(value.to)) open.push(enter(value.to))
  }
  return placements
}

function resolve(
  code: Instructions,
  at: number,
  reference: Exclude<Reference, ExternReference>,
  startOf: ReadonlyMap<FunctionSpec, number>,
  descriptor: number,
): void {
  switch (reference.kind) {
    case 'map':
      code.setSourceRegister(at, pseudo.MAP_FD)
      code.setImmediate(at, descriptor)
      code.setImmediate(at + 1, 0)
      break
    case 'data':
    case 'kconfig':
      code.setSourceRegister(at, pseudo.MAP_VALUE)
      code.setImmediate(at, descriptor)
      code.setImmediate(at + 1, reference.offset)
      break
    case 'call':
      code.setImmediate(at, startOf.get(reference.to)! - at - 1)
      break
    case 'function':
      code.setSourceRegister(at, pseudo.FUNC)
      code.setImmediate(at, startOf.get(reference.to)! - at - 1)
      code.setImmediate(at + 1, 0)
      break
    case 'callback':
      break
  }
}

/**
 * The bytes that say which code a program is: what it is loaded as (type, attach type, flags, a hook that is fixed at
 * load), its instructions as compiled, and what each of them refers to by name, CO-RE relocations too. Equal for equal
 * sources, whatever was loaded before and on whichever kernel; the kernel's own tag is not (it leaves out where in a map an address points).
 */
export function identityBytes(spec: Spec, program: ProgramSpec): Uint8Array {
  const placements = placeFunctions(program.body)
  const references = placements.flatMap(({ fn, at }) =>
    fn.references.map(reference => described(at, reference)),
  )
  const { type, attachType = null, flags } = program
  const loadedAs = [type, attachType, flags, needsBtfTarget(program) ? placeToLoad(program) : null]
  const lengths = placements.map(({ fn }) => fn.length)
  const accesses = placements.flatMap(({ fn, at }) => describedAccesses(spec, fn, at))
  const description = [loadedAs, lengths, references, ...(accesses.length > 0 ? [accesses] : [])]
  const text = new TextEncoder().encode(JSON.stringify(description))
  const code = placements.map(({ fn }) => bytesOf(spec, fn))
  const bytes = new Uint8Array(text.length + code.reduce((sum, part) => sum + part.length, 0))
  bytes.set(text)
  let end = text.length
  for (const part of code) {
    bytes.set(part, end)
    end += part.length
  }
  return bytes
}

/** By names: an object's types get other ids whenever anything in it changes. */
function describedAccesses(spec: Spec, fn: FunctionSpec, at: number): unknown[] {
  return coreRelocations(spec, fn).map(relocation => [
    at + relocation.offset / instructionSize - fn.start,
    relocation.kind,
    accessText(spec.btf!, relocation),
  ])
}

function described(at: number, reference: Reference): unknown[] {
  const place = at + reference.at
  switch (reference.kind) {
    case 'map':
      return [place, reference.kind, reference.map]
    case 'data':
      return [place, reference.kind, reference.map, reference.offset]
    case 'call':
    case 'function':
    case 'callback':
      return [place, reference.kind, reference.to.name]
    case 'extern':
    case 'kconfig':
      // what it comes to is the kernel's, and where its value lies depends on what else the object asks for
      return [place, 'extern', reference.name]
  }
}
