import type { Contestant, Contestants } from './contestant.ts'
import { records } from './objects.ts'
import type { Effort, Place, Row } from './row.ts'

/**
 * Records that a program has written are taken from a ring buffer, 40 bytes each. Raw, the callback looks at one number of
 * the record; decoded, it is given an object with all of it. libbpf's callback is given a pointer for both.
 */
export function ringRows(contestants: Contestants, { scratch }: Place, { rounds }: Effort): Row[] {
  const n = 100_000
  return (['raw', 'decoded'] as const).map((form): Row => {
    const rate = (who: () => Contestant) => async () =>
      n / (await who().ask({ operation: `ring-${form}`, n, file: records(scratch, n) }))
    return {
      ...{ name: `ring buffer (${form})`, n, unit: 'records/s', warmUps: 5, rounds: 2 * rounds },
      ours: rate(() => contestants.ours),
      libbpf: rate(() => contestants.peer('ring')),
      floor: null,
    }
  })
}
