// What is allocated and dropped again while a case runs is in no difference of before and after, but in the process's peak.
import { writeFileSync } from 'node:fs'

/** Makes the peak what the process has now (proc(5): clear_refs, 5). -> bytes */
export function forgetPeak(): number {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // a kernel without page monitors: then only a new peak is seen
  }
  return peakMemory()
}

/** Bytes of memory that the process had at most. */
export function peakMemory(): number {
  return 1024 * process.resourceUsage().maxRSS
}
