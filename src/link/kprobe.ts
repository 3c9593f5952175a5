import { BpfError } from '../errors.ts'
import type { Family } from './family.ts'
import { attachProbe, isReturnProbe } from './probe.ts'

/** kprobe and kretprobe: a kernel function, by its name. Linux 4.17, as a link 5.15. */
export const kprobe: Family<'function'> = {
  kind: 'function',
  wants: 'the name of a kernel function',
  takesCookie: true,
  complete(target, spec) {
    if (!target.offset || !isReturnProbe(spec)) return target
    throw new BpfError(`program '${spec.name}': a kretprobe takes no offset, and has ${target.offset}`, {
      code: 'ERR_VALUE',
    })
  },
  attach(program, { function: name, offset = 0 }) {
    return attachProbe(program, 'kprobe', { name, offset }, { hints: kprobeHints })
  },
}

export const kprobeHints: Readonly<Record<string, string>> = {
  ENOENT: 'this kernel has no such function: those that it has are listed in /proc/kallsyms',
  EINVAL: 'the kernel takes no probe there: see /sys/kernel/debug/kprobes/blacklist',
  EILSEQ: 'no instruction starts at that offset',
}
