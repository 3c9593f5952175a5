import type { Contestant, Contestants } from './contestant.ts'
import { flows } from './objects.ts'
import type { Effort, Place, Row } from './row.ts'

/** What is done to the entries of a hash, and as what; as bytes or as objects, libbpf does the same. */
const operations = {
  get: 'get',
  set: 'set',
  entries: 'entries',
} as const

/** One hash of 10,000 entries, its values three numbers. */
export function accessRows(contestants: Contestants, { scratch }: Place, { rounds }: Effort): Row[] {
  const n = 10_000
  return Object.entries(operations).map(([name, operation]): Row => {
    const rate = (who: () => Contestant) => async () =>
      n / (await who().ask({ operation, n, file: flows(scratch) }))
    return {
      ...{ name, n, unit: 'ops/s', warmUps: 5, rounds: 2 * rounds },
      ours: rate(() => contestants.ours),
      libbpf: rate(() => contestants.peer('access')),
      floor: null,
    }
  })
}
