import type { Contestant, Contestants } from './contestant.ts'
import type { Effort, Place, Row } from './row.ts'

/** The entries of a hash carried into one with another layout, by what `upgrade()` calls; the floor is a loop in C. */
export function convertRows(contestants: Contestants, { root }: Place, { entries, rounds }: Effort): Row[] {
  // a copy of what was carried stays in the kernel until the switch: the library always makes it
  const names = { convert: 'convert', 'convert (both keep a copy)': 'convert-snapshot' }
  return entries.flatMap(n =>
    Object.entries(names).map(([name, operation]): Row => {
      const rate = (who: () => Contestant) => async () => n / (await who().ask({ operation, n, root }))
      const ask = (what: string) => () => contestants.ours.ask({ operation: what, n, root })
      return {
        ...{ name, n, unit: 'entries/s', warmUps: 1, rounds: Math.min(rounds, 5) },
        ...{ before: ask('convert-fill'), after: ask('convert-clear') },
        ours: rate(() => contestants.ours),
        libbpf: null,
        floor: rate(() => contestants.peer('convert')),
      }
    }),
  )
}
