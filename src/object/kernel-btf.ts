import { existsSync } from 'node:fs'
import { release } from 'node:os'
import type { Btf, BtfKind } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { AttachType, ProgramType } from '../spec/kernel.ts'
import { readBtfFile } from './btf-file.ts'

const vmlinuxPath = '/sys/kernel/btf/vmlinux'

// 10 MB that a process which has loaded its object never looks at again; within one turn of the event loop they stay
let vmlinux: WeakRef<Btf> | undefined

/**
 * The types of the running kernel, read on first use and kept while they are used.
 *
 * @throws BpfError ENOENT on a kernel without CONFIG_DEBUG_INFO_BTF whose vmlinux is nowhere either.
 */
export function kernelTypes(): Btf {
  const known = vmlinux?.deref()
  if (known) return known
  const btf = readKernel()
  vmlinux = new WeakRef(btf)
  return btf
}

function readKernel(): Btf {
  try {
    return readBtfFile(vmlinuxPath)
  } catch (cause) {
    if (!(cause instanceof BpfError) || cause.code !== 'ENOENT') throw cause
    for (const path of vmlinuxFiles(release())) if (existsSync(path)) return readBtfFile(path)
    throw new BpfError(`this kernel does not describe its own types: cannot open ${vmlinuxPath}`, {
      code: cause.code,
      path: vmlinuxPath,
      hint: 'it must be built with CONFIG_DEBUG_INFO_BTF=y, or its types be given: openObject(path, { btf })',
      cause,
    })
  }
}

/** Where distributions put a kernel with its symbols. */
function vmlinuxFiles(release: string): string[] {
  return [
    `/boot/vmlinux-${release}`,
    `/lib/modules/${release}/vmlinux-${release}`,
    `/lib/modules/${release}/build/vmlinux`,
    `/usr/lib/modules/${release}/kernel/vmlinux`,
    `/usr/lib/debug/boot/vmlinux-${release}`,
    `/usr/lib/debug/boot/vmlinux-${release}.debug`,
    `/usr/lib/debug/lib/modules/${release}/vmlinux`,
  ]
}

/** What the kernel calls the thing that stands for a hook, by attach type (kernel/bpf/btf.c, include/linux/bpf_lsm.h). */
const prefixes: Partial<Record<AttachType, readonly [prefix: string, kind: BtfKind]>> = {
  trace_raw_tp: ['btf_trace_', 'typedef'],
  lsm_mac: ['bpf_lsm_', 'func'],
  lsm_cgroup: ['bpf_lsm_', 'func'],
  trace_iter: ['bpf_iter_', 'func'],
}

/**
 * The id of a program's hook in the kernel's BTF: of the tracepoint, function or LSM hook that the section names.
 *
 * @throws BpfError `ERR_NO_TARGET` for a hook that this kernel does not have.
 */
export function attachTypeId(
  program: string,
  type: ProgramType,
  attachType: AttachType | undefined,
  hook: string,
): number {
  const [prefix, kind] = (attachType && prefixes[attachType]) ?? ['', 'func' as const]
  for (const id of kernelTypes().idsOf(`${prefix}${hook}`, kind)) return id
  throw new BpfError(`program '${program}': this kernel has no ${hookKind(type, attachType)} '${hook}'`, {
    code: 'ERR_NO_TARGET',
    hint: `its BTF has no ${kind} named '${prefix}${hook}'`,
  })
}

function hookKind(type: ProgramType, attachType: AttachType | undefined): string {
  if (type === 'lsm') return 'LSM hook'
  if (attachType === 'trace_raw_tp') return 'tracepoint'
  if (attachType === 'trace_iter') return 'iterator'
  return 'function'
}
