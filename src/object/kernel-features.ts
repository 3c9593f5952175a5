import { readFileSync } from 'node:fs'
import { syscallFunction } from '../link/index.ts'
import { Instructions, instructionSize } from '../spec/instructions.ts'
import { programTypes } from '../spec/kernel.ts'
import { closeFd, perfEventOpen, progLoad } from '../syscall/index.ts'

/** Helper 174 (include/uapi/linux/bpf.h). */
const getAttachCookie = 174
const BPF_EXIT = 0x95

/** May a program of a perf event (kprobe, uprobe, tracepoint) ask for its cookie? Linux 5.15. Found by loading one. */
export function hasAttachCookie(): boolean {
  const code = new Instructions(new Uint8Array(2 * instructionSize), true)
  code.setCall(0, getAttachCookie)
  code.setOpcode(1, BPF_EXIT)
  const fd = progLoad({ type: programTypes.tracepoint, instructions: code.bytes, license: 'GPL' })
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}

/**
 * Do system calls get their arguments in a struct pt_regs, as on x86-64 and arm64 since Linux 4.17 and 4.19? Found by a
 * kprobe on one; where there are no kprobes, nobody needs to know.
 */
export function hasSyscallWrapper(): boolean {
  const name = syscallFunction('bpf')
  const type = kprobeSource()
  if (name === undefined || type === undefined) return false
  const fd = perfEventOpen({ type, config: 0, probe: { name, offset: 0 }, pid: process.pid, cpu: -1 })
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}

function kprobeSource(): number | undefined {
  try {
    return Number(readFileSync('/sys/bus/event_source/devices/kprobe/type', 'latin1'))
  } catch {
    return undefined
  }
}
