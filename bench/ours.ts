// The same work as the peers do, through the public API: one measurement a line, `OPERATION MAPS OBJECT ROOT`, answered in
// nanoseconds. A process of its own, as they are.
import { createInterface } from 'node:readline'
import { type BpfObject, openObject, openPinned } from '../src/index.ts'
import { put64, u32 } from '../src/syscall/arena.ts'
import { progLoad } from '../src/syscall/attr.generated.ts'
import { allocate, interceptSyscalls } from '../src/syscall/index.ts'

type Operation = (object: string, root: string) => bigint

const operations: Readonly<Record<string, Operation>> = {
  ready: () => 0n,
  open: object => timed(() => openObject(object))[0],
  'core-load': object => withoutVerifier(() => timed(() => openObject(object).load())),
  'create+pin': (object, root) => pinned(object, root, 'create+pin'),
  pin: (object, root) => pinned(object, root, 'pin'),
  reuse(object, root) {
    pin(object, root).close()
    const spec = openObject(object, { root })
    const [taken, live] = timed(() => spec.load())
    live.close()
    unpin(object, root)
    return taken
  },
  openPinned(object, root) {
    const live = pin(object, root)
    live.close()
    const [taken, opened] = timed(() => openPinned(live.name, { root }))
    opened.close()
    unpin(object, root)
    return taken
  },
  unpin(object, root) {
    const live = pin(object, root)
    const [taken] = timed(() => live.unpin())
    live.close()
    return taken
  },
}

/** As in peers/libbpf.c: the kernel verifies two instructions in place of every program. */
function withoutVerifier(load: () => [bigint, BpfObject]): bigint {
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
    const [taken, live] = load()
    live.close()
    return taken
  } finally {
    interceptSyscalls(undefined)
  }
}

function timed<T>(work: () => T): [bigint, T] {
  const start = process.hrtime.bigint()
  const result = work()
  return [process.hrtime.bigint() - start, result]
}

function pinned(object: string, root: string, from: 'create+pin' | 'pin'): bigint {
  const spec = openObject(object, { root })
  const start = process.hrtime.bigint()
  const live = spec.load()
  const loaded = process.hrtime.bigint()
  live.pin()
  const end = process.hrtime.bigint()
  live.unpin()
  live.close()
  return end - (from === 'pin' ? loaded : start)
}

function pin(object: string, root: string): BpfObject {
  const live = openObject(object, { root }).load()
  live.pin()
  return live
}

function unpin(object: string, root: string): void {
  using live = openObject(object, { root }).loadPinned()
  live.unpin()
}

for await (const line of createInterface({ input: process.stdin })) {
  const [operation = '', , object = '', root = ''] = line.split(' ')
  try {
    console.log(String(operations[operation]!(object, root)))
  } catch (error) {
    console.log(`error: ${operation}: ${error instanceof Error ? error.message : error}`)
  }
}
