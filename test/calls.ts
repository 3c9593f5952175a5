import { readFileSync } from 'node:fs'

/** System calls of this process, three at the least each time: a file is opened, read and closed. */
export function makeCalls(times: number): void {
  for (let i = 0; i < times; i++) readFileSync('/proc/self/stat')
}
