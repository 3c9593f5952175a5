import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type Btf, type BtfKind, readBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { createScannerFrom } from '../parser/index.ts'
import type { AttachType, ProgramType } from '../spec/kernel.ts'

const vmlinuxPath = '/sys/kernel/btf/vmlinux'

let vmlinux: Btf | undefined

/**
 * The types of the running kernel, read on first use and kept.
 *
 * @throws BpfError ENOENT on a kernel without CONFIG_DEBUG_INFO_BTF.
 */
export function kernelTypes(): Btf {
  vmlinux ??= readVmlinux()
  return vmlinux
}

/** sysfs hands out a page at a time; straight into the scanner's memory, no second copy is made. */
function readVmlinux(): Btf {
  const fd = openVmlinux()
  try {
    const length = fstatSync(fd).size
    const scanner = createScannerFrom(length, memory => {
      for (let at = 0; at < length; ) {
        const read = readSync(fd, memory, at, length - at, at)
        if (read === 0) break
        at += read
      }
    })
    return readBtf(scanner, { offset: 0, length }, { where: vmlinuxPath })
  } finally {
    closeSync(fd)
  }
}

function openVmlinux(): number {
  try {
    return openSync(vmlinuxPath, 'r')
  } catch (cause) {
    throw new BpfError(`this kernel does not describe its own types: cannot open ${vmlinuxPath}`, {
      code: (cause as NodeJS.ErrnoException).code ?? 'ENOENT',
      path: vmlinuxPath,
      hint: 'it must be built with CONFIG_DEBUG_INFO_BTF=y',
      cause,
    })
  }
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
