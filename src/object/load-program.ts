import { release } from 'node:os'
import { BpfError, VerifierError } from '../errors.ts'
import { hasUprobeMulti } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import { type AssembledProgram, assemble } from '../spec/assemble.ts'
import type { CoreFixes } from '../spec/core/relocate.ts'
import { withFunctionTypes } from '../spec/debug-info.ts'
import type { ResolvedExterns } from '../spec/externs/resolve.ts'
import { attachTypes, programFlag, programTypes } from '../spec/kernel.ts'
import type { Poisoned } from '../spec/poison.ts'
import { sectionNames } from '../spec/sections.ts'
import { isLaterKind, sinceLinux } from '../spec/since.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import {
  type CapabilityName,
  type ProgLoadOptions,
  progLoad,
  progLoadLogged,
  systemError,
} from '../syscall/index.ts'
import { attachTarget } from './attach-target.ts'
import { toLoad } from './capabilities.ts'
import { kernelVersion } from './kernel-version.ts'
import type { LoadedBtf } from './load-btf.ts'
import type { OpsProgram } from './struct-ops.ts'
import { reachedCall, remedyIn, sourceBefore, summarize } from './verifier-log.ts'

const functionInfoSize = 8
const lineInfoSize = 16

/** What the kernel has for what the object asks of it. */
export interface Relocations {
  readonly core: CoreFixes
  readonly externs: ResolvedExterns
}

/** A program that the kernel holds. */
export interface LoadedProgram {
  readonly fd: number
  /** What the verifier wrote, if it was asked to. */
  readonly log: string
}

/**
 * Loads one program; its descriptor is the caller's to close.
 *
 * @throws VerifierError where the verifier refuses it; BpfError `ERR_NO_TYPE`, `ERR_NO_TARGET`, `ERR_UNSUPPORTED`,
 * `ERR_VALUE` before the kernel is asked, else with the kernel's errno.
 */
export function loadProgram(
  spec: Spec,
  program: ProgramSpec,
  maps: ReadonlyMap<string, BpfMap>,
  btf: LoadedBtf | undefined,
  { core, externs }: Relocations,
  ops?: OpsProgram,
): LoadedProgram {
  if (program.type === 'unspec') throw noType(program)
  checkLogLevel(program)
  using target = attachTarget(program, ops)
  const assembled = assemble(spec, program, name => maps.get(name)?.fd, core, externs.byName)
  return tryLoad(
    program,
    { ...loadOptions(spec, program, assembled, btf), ...target.options, ...descriptorList(externs) },
    assembled.poisoned,
  )
}

/** The verifier takes the descriptors from there that calls of kernel functions in modules refer to. Linux 5.16. */
function descriptorList({ descriptors }: ResolvedExterns): Partial<ProgLoadOptions> {
  return descriptors.length === 0 ? {} : { fdArray: new Uint8Array(Int32Array.from(descriptors).buffer) }
}

function loadOptions(
  spec: Spec,
  program: ProgramSpec,
  { instructions, functionInfo, lineInfo }: AssembledProgram,
  btf: LoadedBtf | undefined,
): ProgLoadOptions {
  const debug =
    btf?.fd === undefined || functionInfo.length === 0
      ? {}
      : {
          btfFd: btf.fd,
          functionInfo: {
            recordSize: functionInfoSize,
            bytes: withFunctionTypes(functionInfo, btf.functionTypes(program)),
          },
          lineInfo: { recordSize: lineInfoSize, bytes: lineInfo },
        }
  return {
    type: programTypes[program.type],
    instructions,
    license: spec.license,
    name: program.kernelName,
    flags: program.flags,
    // before Linux 5.0 a kprobe was for one kernel
    ...(program.type === 'kprobe' && Number.parseInt(release(), 10) < 5
      ? { kernelVersion: kernelVersion() }
      : {}),
    expectedAttachType: expectedAttachType(program),
    ...debug,
  }
}

/** Programs for USDT are attached to all places at once, where the kernel can do that. */
function expectedAttachType({ attachType, rule }: ProgramSpec): number {
  if (attachType !== undefined) return attachTypes[attachType]
  return rule?.family === 'usdt' && hasUprobeMulti() ? attachTypes.trace_uprobe_multi : 0
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

/** What EINVAL and EOPNOTSUPP mean of a program for one network card (kernel/bpf/offload.c: bpf_prog_dev_bound_init). */
function hintFor(program: ProgramSpec, { ifindex }: ProgLoadOptions): string | undefined {
  if (isLaterKind(program)) return 'kernels up to Linux 6.18 take no such programs'
  if (ifindex === undefined) return undefined
  return (program.flags & programFlag.XDP_DEV_BOUND_ONLY) !== 0
    ? "the interface's driver tells programs nothing about packets: without BPF_F_XDP_DEV_BOUND_ONLY it needs not"
    : "the interface's card runs no BPF programs: mode 'native' or 'generic' needs none that does"
}

/** BPF_LOG_LEVEL1 and BPF_LOG_LEVEL2 (include/linux/bpf_verifier.h); 4 asks for statistics. */
const logLevels = 3
const allLogLevels = 7

function checkLogLevel({ name, logLevel }: ProgramSpec): void {
  if (Number.isInteger(logLevel) && logLevel >= 0 && logLevel <= allLogLevels) return
  throw new BpfError(`program '${name}': its logLevel is ${logLevel}, there are 0 to ${allLogLevels}`, {
    code: 'ERR_VALUE',
    hint: '1: what the verifier does, 2: also the state at each instruction, and 4 more: statistics',
  })
}

/** A load that nobody wants a log of asks for none, which costs time even where nothing is wrong. */
function tryLoad(
  program: ProgramSpec,
  options: ProgLoadOptions,
  poisoned: AssembledProgram['poisoned'],
): LoadedProgram {
  const { logLevel } = program
  const first = logLevel === 0 ? { result: progLoad(options), log: '' } : progLoadLogged(options, logLevel)
  if (first.result >= 0) return { fd: first.result, log: first.log }
  const { result, log } = (logLevel & logLevels) === 0 ? progLoadLogged(options, logLevel | 1) : first
  // what failed for want of memory, say, may succeed now
  if (result >= 0) return { fd: result, log: first.log }
  throw refused(program, options, first.result, log, poisoned)
}

const isAboutRights = (code: string): boolean => code === 'EACCES' || code === 'EPERM'
/** How the verifier says that it lets only some do that (kernel/bpf/verifier.c: allow_ptr_leaks, bpf_capable). */
const asksForRights = /!root|prohibited|leaks? addr|CAP_[A-Z_]+/

function rightsWanted({ type }: ProgramSpec, log: string): CapabilityName[] {
  const rights = toLoad(type)
  return asksForRights.test(log) && !rights.includes('PERFMON') ? [...rights, 'PERFMON'] : rights
}

/** The error for a program that the kernel refuses. */
function refused(
  program: ProgramSpec,
  options: ProgLoadOptions,
  result: number,
  log: string,
  poisoned: AssembledProgram['poisoned'],
): BpfError {
  const error = systemError(result, 'bpf(BPF_PROG_LOAD)', {
    doing: `loading program '${program.name}'`,
    since: sinceLinux(program),
    capabilities: rightsWanted(program, log),
    hint: hintFor(program, options),
  })
  const cause = summarize(log)
  if (cause === undefined || notTheVerifiers.has(error.code)) return error
  const at = reachedCall(log)
  const reached = at === undefined ? undefined : poisoned.get(at)
  // that capabilities are missing is seldom why the verifier says no
  const kernelHint =
    remedyIn(log) ?? (isAboutRights(error.code) && !asksForRights.test(log) ? undefined : error.hint)
  const hint = reached?.hint ?? kernelHint
  return new VerifierError(program.name, reached ? reachedText(reached, log) : cause, log, {
    syscall: 'bpf(BPF_PROG_LOAD)',
    ...(hint === undefined ? {} : { hint }),
    ...(error.errno === undefined ? {} : { errno: error.errno }),
    cause: error,
  })
}

function reachedText({ needs }: Poisoned, log: string): string {
  const source = sourceBefore(log)
  const at = source === undefined ? '' : ` (${source})`
  return `instruction ${reachedCall(log)} needs ${needs()}${at}`
}
