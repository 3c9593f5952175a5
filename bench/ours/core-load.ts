import { openObject } from '../../src/index.ts'
import { put64, u32 } from '../../src/syscall/arena.ts'
import { progLoad } from '../../src/syscall/attr.generated.ts'
import { allocate, interceptSyscalls } from '../../src/syscall/index.ts'
import { type Operation, type Outcome, timed } from './operation.ts'

export const coreLoad: Readonly<Record<string, Operation>> = {
  'core-load': ({ file }) => withoutVerifier(() => load(file)),
}

function load(file: string): Outcome {
  const [taken, live] = timed(() => openObject(file).load())
  const programs = live.programs.size
  live.close()
  return [taken, programs]
}

/** As in peers/libbpf.c: the kernel verifies two instructions in place of every program. */
function withoutVerifier(work: () => Outcome): Outcome {
  const longestProbe = 16
  const nothing = allocate(16)
  // r0 = 0; exit
  nothing.bytes.set([0xb7], 0)
  nothing.bytes.set([0x95], 8)
  interceptSyscalls(({ name }) => {
    if (name === 'bpf(BPF_PROG_LOAD)' && u32[progLoad.insn_cnt >> 2]! > longestProbe) {
      put64(progLoad.insns, nothing.address)
      u32[progLoad.insn_cnt >> 2] = 2
      u32[progLoad.func_info_cnt >> 2] = 0
      u32[progLoad.line_info_cnt >> 2] = 0
    }
    return undefined
  })
  try {
    return work()
  } finally {
    interceptSyscalls(undefined)
  }
}
