import { address, at, listLength, u8 } from './arena.ts'
import { call3 } from './gate.ts'

/** Bytes of a mask of 8,192 CPUs, the most that Linux is built for. */
const maskLength = 1024

/** The CPUs that this thread may run on, or a negative errno. */
export function getAffinity(): number[] | number {
  const length = call3('sched_getaffinity', 0, Math.min(maskLength, listLength), address(at.list))
  if (length < 0) return length
  const cpus: number[] = []
  for (let cpu = 0; cpu < length * 8; cpu++) {
    if ((u8[at.list + (cpu >> 3)]! & (1 << (cpu & 7))) !== 0) cpus.push(cpu)
  }
  return cpus
}

/** Lets this thread run on these CPUs only; it is on one of them when the call is back. */
export function setAffinity(cpus: readonly number[]): number {
  u8.fill(0, at.list, at.list + maskLength)
  for (const cpu of cpus) u8[at.list + (cpu >> 3)]! |= 1 << (cpu & 7)
  return call3('sched_setaffinity', 0, maskLength, address(at.list))
}

/**
 * membarrier(MEMBARRIER_CMD_GLOBAL): back only when every CPU has left whatever program it was running (some 10 ms).
 * -EINVAL with nohz_full, -ENOSYS without CONFIG_MEMBARRIER. Programs that sleep are not waited for.
 */
export function membarrierGlobal(): number {
  const MEMBARRIER_CMD_GLOBAL = 1
  return call3('membarrier', MEMBARRIER_CMD_GLOBAL, 0, 0)
}
