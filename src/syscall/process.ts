import { call3 } from './gate.ts'

/** pidfd_open(2): a descriptor of a process, or a negative errno. Linux 5.3. */
export function openProcess(pid: number): number {
  return call3('pidfd_open', pid, 0, 0)
}
