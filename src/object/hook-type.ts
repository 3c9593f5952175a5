import type { Btf, BtfKind, TypeId } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { AttachType } from '../spec/kernel.ts'
import { hookToLoad } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { kernelTypes } from './kernel-btf.ts'
import { kernelModules, type ModuleType, type ModuleTypes } from './module-types.ts'

/** What a hook is in the types of the kernel: what BPF_PROG_LOAD wants to know. */
export interface HookType {
  readonly id: TypeId
  /** The module whose types have the id; `undefined` for those of the kernel itself. */
  readonly module: string | undefined
}

/** What the kernel calls the thing that stands for a hook, by attach type (kernel/bpf/btf.c, include/linux/bpf_lsm.h). */
const prefixes: Partial<Record<AttachType, readonly [prefix: string, kind: BtfKind]>> = {
  trace_raw_tp: ['btf_trace_', 'typedef'],
  lsm_mac: ['bpf_lsm_', 'func'],
  lsm_cgroup: ['bpf_lsm_', 'func'],
  trace_iter: ['bpf_iter_', 'func'],
}

/**
 * The tracepoint, function or LSM hook of the kernel that a program is for, as its section or target names it: `vfs_read`;
 * `module:function` for one in a module, which is found without the module's name as well, if the kernel has none.
 *
 * @throws BpfError `ERR_NO_TARGET` for a hook that this kernel does not have.
 */
export function hookType(program: ProgramSpec, modules: ModuleTypes = kernelModules()): HookType {
  const hook = hookToLoad(program)
  const colon = hook.indexOf(':')
  const [wanted, name] = colon < 0 ? [undefined, hook] : [hook.slice(0, colon), hook.slice(colon + 1)]
  const [prefix, kind] = (program.attachType && prefixes[program.attachType]) ?? ['', 'func' as const]
  const full = `${prefix}${name}`
  if (wanted === undefined || wanted === 'vmlinux') {
    const id = idIn(kernelTypes(), full, kind)
    if (id !== undefined) return { id, module: undefined }
  }
  for (const { module, btf } of modulesFor(wanted, full, modules)) {
    const id = idIn(btf, full, kind)
    if (id !== undefined) return { id, module }
  }
  throw noHook(program, { wanted, name, full, kind })
}

function modulesFor(wanted: string | undefined, name: string, modules: ModuleTypes): Iterable<ModuleType> {
  if (wanted === 'vmlinux') return []
  return wanted === undefined ? modules.named(name) : modules.called(wanted)
}

/** Of the types of a module only its own count: ids below are the kernel's. */
function idIn(btf: Btf, name: string, kind: BtfKind): TypeId | undefined {
  for (const id of btf.idsOf(name, kind)) if (id >= btf.first) return id
  return undefined
}

interface Missing {
  readonly wanted: string | undefined
  readonly name: string
  readonly full: string
  readonly kind: BtfKind
}

function noHook({ name, type, attachType }: ProgramSpec, missing: Missing): BpfError {
  const { wanted } = missing
  const isModule = wanted !== undefined && wanted !== 'vmlinux'
  const where = isModule ? `module '${wanted}' has` : 'this kernel has'
  const hint = isModule
    ? `load the module (modprobe ${wanted}), and see that /sys/kernel/btf/${wanted} is there and has '${missing.full}'`
    : `neither its BTF nor that of a loaded module has a ${missing.kind} named '${missing.full}'`
  return new BpfError(`program '${name}': ${where} no ${hookKind(type, attachType)} '${missing.name}'`, {
    code: 'ERR_NO_TARGET',
    hint,
  })
}

function hookKind(type: ProgramSpec['type'], attachType: AttachType | undefined): string {
  if (type === 'lsm') return 'LSM hook'
  if (attachType === 'trace_raw_tp') return 'tracepoint'
  if (attachType === 'trace_iter') return 'iterator'
  return 'function'
}
