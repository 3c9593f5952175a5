import { BpfError } from '../errors.ts'
import type { Family } from './family.ts'
import { kprobeHints } from './kprobe.ts'
import { attachProbe } from './probe.ts'

/** What the kernel calls the functions behind system calls (arch/x86/include/asm/syscall_wrapper.h and its like on arm64). */
const prefixes: Partial<Record<NodeJS.Architecture, string>> = { x64: '__x64_sys_', arm64: '__arm64_sys_' }
/** Before those came with Linux 4.17 and 4.19 (include/linux/syscalls.h). */
const oldPrefix = '__se_sys_'

/** The kernel's function behind a system call; `undefined` on a machine where it takes its arguments one by one. */
export function syscallFunction(name: string): string | undefined {
  const prefix = prefixes[process.arch]
  return prefix && `${prefix}${name}`
}

/** ksyscall and kretsyscall: a kprobe on the function that does a system call on this machine. */
export const ksyscall: Family<'syscall'> = {
  kind: 'syscall',
  wants: 'the name of a system call',
  takesCookie: true,
  attach(program, { syscall }) {
    const prefix = prefixes[process.arch] ?? oldPrefix
    for (const name of [`${prefix}${syscall}`, `${oldPrefix}${syscall}`]) {
      try {
        return attachProbe(program, 'kprobe', { name, offset: 0 }, { hints: kprobeHints })
      } catch (error) {
        if (!(error instanceof BpfError) || error.code !== 'ENOENT') throw error
      }
    }
    throw new BpfError(`${program.doing}: this kernel has no system call '${syscall}'`, {
      code: 'ERR_NO_TARGET',
      hint: `it has no function '${prefix}${syscall}'`,
    })
  },
}
