import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { mapTypes } from '../spec/kernel.ts'
import { allocate, closeFd, mapCreate, mapUpdate, membarrierGlobal, systemError } from '../syscall/index.ts'

/**
 * Returns when every program that was running has ended: after a link was switched, the program that it ran before
 * writes no more. Takes some 10 ms. Sleepable programs are not waited for.
 */
export function waitForPrograms(): void {
  if (membarrierGlobal() >= 0) return
  waitByMapOfMaps()
}

/**
 * Where membarrier(2) is refused (nohz_full, seccomp): the kernel lets programs end that may use the map that was in a slot
 * before it returns (kernel/bpf/syscall.c: maybe_wait_bpf_programs).
 */
export function waitByMapOfMaps(): void {
  const shape = { keySize: 4, valueSize: 4, maxEntries: 1, name: 'bpfpin_wait' }
  const inner = mapCreate({ ...shape, type: mapTypes.array })
  const outer = inner < 0 ? inner : mapCreate({ ...shape, type: mapTypes.array_of_maps, innerMapFd: inner })
  const value = allocate(4)
  new DataView(value.bytes.buffer).setInt32(0, inner, machineIsLittleEndian)
  const result = outer < 0 ? outer : mapUpdate(outer, allocate(4), value)
  if (inner >= 0) closeFd(inner)
  if (outer >= 0) closeFd(outer)
  if (result >= 0) return
  throw systemError(result, outer < 0 ? 'bpf(BPF_MAP_CREATE)' : 'bpf(BPF_MAP_UPDATE_ELEM)', {
    doing: 'waiting for programs to end',
  })
}
