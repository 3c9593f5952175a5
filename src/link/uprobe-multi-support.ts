import { attachTypes, programTypes } from '../spec/kernel.ts'
import { closedAfter, closeFd, EBADF, EINVAL, linkCreate, progLoad } from '../syscall/index.ts'

let answer: boolean | undefined

/**
 * Does this kernel attach a program to many places of a binary by one link, and to those of one process only? Linux 6.6,
 * but for the first of its kind, which took the process for a thread (fixed in 6.10 and later versions of older kernels).
 * The kernel wants to know at load what a program will be attached by, so it has to be asked before.
 */
export function hasUprobeMulti(): boolean {
  answer ??= ask()
  return answer ?? false
}

/** Was this program loaded for it? */
export function isForUprobeMulti(fd: number): boolean {
  return attach(fd, 0) === EBADF
}

/** mov r0, 0; exit */
const nothing = /* @__PURE__ */ Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)

function ask(): boolean | undefined {
  const fd = progLoad({
    ...{ type: programTypes.kprobe, instructions: nothing, license: 'GPL', name: 'uprobe_multi' },
    ...{ flags: 0, expectedAttachType: attachTypes.trace_uprobe_multi },
  })
  // what is wrong there is wrong with the program itself, too
  if (fd < 0) return undefined
  // no process has a number below 0
  return closedAfter(fd, () => isForUprobeMulti(fd) && attach(fd, -1) === EINVAL)
}

/** To a directory, which is no binary (kernel/trace/bpf_trace.c: bpf_uprobe_multi_link_attach). */
function attach(fd: number, pid: number): number {
  const offsets = BigUint64Array.of(0n)
  const attachType = attachTypes.trace_uprobe_multi
  const link = linkCreate({ fd, attachType, detail: { kind: 'uprobe_multi', path: '/', offsets, pid } })
  if (link >= 0) closeFd(link)
  return link
}
