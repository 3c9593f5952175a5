import type { Contestant, Contestants } from './contestant.ts'
import { flows } from './objects.ts'
import type { Effort, Place, Row } from './row.ts'

/** What is done to the entries of a hash, as objects or as bytes, which is the same for libbpf. */
const operations: Readonly<Record<string, string>> = {
  get: 'get',
  'get (raw)': 'get-raw',
  set: 'set',
  'set (raw)': 'set-raw',
  'batch read': 'batch-read',
  'batch read (raw)': 'batch-read-raw',
  'batch write': 'batch-write',
}

/** One hash of 10,000 entries, its values three numbers. */
export function accessRows(contestants: Contestants, { scratch }: Place, { rounds }: Effort): Row[] {
  const n = 10_000
  return Object.entries(operations).map(([name, operation]): Row => {
    const rate = (who: () => Contestant) => async () =>
      n / (await who().ask({ operation, n, file: flows(scratch) }))
    return {
      ...{ name, n, unit: 'entries/s', warmUps: 5, rounds: 2 * rounds },
      ours: rate(() => contestants.ours),
      libbpf: rate(() => contestants.peer('access')),
      floor: null,
    }
  })
}
