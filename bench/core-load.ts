// Rows for the largest of the tools in test/tools, from the opening of its file to its programs being loaded: 121 programs,
// thousands of relocations against the types of the running kernel. The verifier is left out, which takes seconds and is
// the same for all: on both sides the kernel is given two instructions in place of each program.
import { join } from 'node:path'
import type { Contestant, Contestants } from './contestant.ts'
import type { Effort, Row } from './row.ts'

export const largestTool: string = join(import.meta.dirname, '../test/tools/sysmon.bpf.o')
const programs = 121

/** In a process that has done it before, and as the first thing that one does once it has started. */
export function coreRows(contestants: Contestants, { rounds }: Effort): Row[] {
  const warm = (who: () => Contestant) => () => load(who())
  const cold = (who: () => Contestant) => async () => {
    const another = who().again()
    try {
      // node takes a while to start
      await another.ask({ operation: 'ready' })
      return await load(another)
    } finally {
      another.close()
    }
  }
  const row = { n: programs, unit: 'ms', floor: null, rounds }
  const ours = (): Contestant => contestants.ours
  const libbpf = (): Contestant => contestants.peer('libbpf')
  return [
    { ...row, name: 'core-load', warmUps: 2, ours: warm(ours), libbpf: warm(libbpf) },
    { ...row, name: 'core-load cold', warmUps: 0, ours: cold(ours), libbpf: cold(libbpf) },
  ]
}

async function load(who: Contestant): Promise<number> {
  return 1000 * (await who.ask({ operation: 'core-load', file: largestTool }))
}
