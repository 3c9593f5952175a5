import { BpfError, VerifierError } from '../errors.ts'
import { hasUprobeMulti, offloadedTo, type Replaced, replacedBy } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import { type AssembledProgram, assemble } from '../spec/assemble.ts'
import type { CoreFixes } from '../spec/core/relocate.ts'
import { attachTypes, programTypes } from '../spec/kernel.ts'
import type { Poisoned } from '../spec/poison.ts'
import { needsBtfTarget, sectionNames } from '../spec/sections.ts'
import { hookToLoad } from '../spec/targets.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import { type ProgLoadOptions, progLoad, progLoadLogged, systemError } from '../syscall/index.ts'
import { attachTypeId } from './kernel-btf.ts'
import { reachedCall, sourceBefore, summarize } from './verifier-log.ts'

const functionInfoSize = 8
const lineInfoSize = 16

/**
 * Loads one program; the result is its descriptor.
 *
 * @throws VerifierError where the verifier refuses it; BpfError `ERR_NO_TYPE`, `ERR_NO_TARGET`, `ERR_UNSUPPORTED`
 * before the kernel is asked, else with the kernel's errno.
 */
export function loadProgram(
  spec: Spec,
  program: ProgramSpec,
  maps: ReadonlyMap<string, BpfMap>,
  btfFd: number | undefined,
  core: CoreFixes,
): number {
  using replaced = program.type === 'ext' ? replacedBy(program) : undefined
  if (program.type === 'unspec') throw noType(program)
  const assembled = assemble(spec, program, name => maps.get(name)?.fd, core)
  const options = { ...loadOptions(spec, program, assembled, btfFd), ...targetOptions(program, replaced) }
  const fd = progLoad(options)
  return fd >= 0 ? fd : reloadForLog(program, options, fd, assembled.poisoned)
}

function loadOptions(
  spec: Spec,
  program: ProgramSpec,
  { instructions, functionInfo, lineInfo }: AssembledProgram,
  btfFd: number | undefined,
): ProgLoadOptions {
  const debug =
    btfFd === undefined || functionInfo.length === 0
      ? {}
      : {
          btfFd,
          functionInfo: { recordSize: functionInfoSize, bytes: functionInfo },
          lineInfo: { recordSize: lineInfoSize, bytes: lineInfo },
        }
  return {
    type: programTypes[program.type],
    instructions,
    license: spec.license,
    name: program.kernelName,
    flags: program.flags,
    expectedAttachType: expectedAttachType(program),
    ...debug,
  }
}

/** What the program is for, where the verifier wants to know it: a function of a program, a network card, a kernel's hook. */
function targetOptions(program: ProgramSpec, replaced: Replaced | undefined): Partial<ProgLoadOptions> {
  if (replaced) return { attachFd: replaced.fd, attachBtfId: replaced.btfId }
  const ifindex = program.type === 'xdp' ? offloadedTo(program) : undefined
  if (ifindex !== undefined) return { ifindex }
  return needsBtfTarget(program.type) ? { attachBtfId: targetId(program, hookToLoad(program)) } : {}
}

/** Programs for USDT are attached to all places at once, where the kernel can do that. */
function expectedAttachType({ attachType, rule }: ProgramSpec): number {
  if (attachType !== undefined) return attachTypes[attachType]
  return rule?.family === 'usdt' && hasUprobeMulti() ? attachTypes.trace_uprobe_multi : 0
}

function targetId(program: ProgramSpec, hook: string): number {
  if (hook !== '') return attachTypeId(program.name, program.type, program.attachType, hook)
  throw new BpfError(`program '${program.name}': SEC("${program.section}") does not say which hook`, {
    code: 'ERR_NO_TARGET',
    hint: `write SEC("${program.section}/name_of_the_hook")${orTarget(program)}`,
  })
}

/** The other way, where the hook is what a target of the kind says. */
function orTarget({ attachType }: ProgramSpec): string {
  if (attachType === 'lsm_cgroup') return ''
  return `, or set the program's target: { ${attachType === 'trace_iter' ? 'iterator' : 'hook'}: '...' }`
}

function noType(program: ProgramSpec): BpfError {
  const close = sectionNames().filter(
    name => name !== '' && program.section.replace('?', '').startsWith(name),
  )
  const near = close.length > 0 ? `; known is ${close.map(name => `SEC("${name}")`).join(', ')}` : ''
  return new BpfError(
    `program '${program.name}': SEC("${program.section}") does not say what type of program it is${near}`,
    { code: 'ERR_NO_TYPE', hint: "set the program's type, or change its section name" },
  )
}

/** Errors that have nothing to do with what the program does, whatever the log says until then. */
const notTheVerifiers: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EINTR',
  'ENOTSUPP',
])

/** What EINVAL and EOPNOTSUPP mean there (kernel/bpf/offload.c: bpf_prog_dev_bound_init). */
const notOnCard = "the interface's card runs no BPF programs: mode 'native' or 'generic' needs none that does"

/** The first load asks for no log, which costs time even where nothing is wrong. */
function reloadForLog(
  program: ProgramSpec,
  options: ProgLoadOptions,
  first: number,
  poisoned: AssembledProgram['poisoned'],
): number {
  const { result, log } = progLoadLogged(options)
  // what failed for want of memory, say, may succeed now
  if (result >= 0) return result
  const error = systemError(first, 'bpf(BPF_PROG_LOAD)', {
    doing: `loading program '${program.name}'`,
    ...(options.ifindex === undefined ? {} : { hint: notOnCard }),
  })
  const cause = summarize(log)
  if (cause === undefined || notTheVerifiers.has(error.code)) throw error
  const at = reachedCall(log)
  const reached = at === undefined ? undefined : poisoned.get(at)
  throw new VerifierError(program.name, reached ? reachedText(reached, log) : cause, log, {
    syscall: 'bpf(BPF_PROG_LOAD)',
    ...(reached ? { hint: reached.hint } : {}),
    ...(error.errno === undefined ? {} : { errno: error.errno }),
    cause: error,
  })
}

function reachedText({ needs }: Poisoned, log: string): string {
  const source = sourceBefore(log)
  const at = source === undefined ? '' : ` (${source})`
  return `instruction ${reachedCall(log)} needs ${needs()}${at}`
}
