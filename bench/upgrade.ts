import type { Contestants } from './contestant.ts'
import { type Version, version } from './objects.ts'
import type { Effort, Place, Row } from './row.ts'

/** A whole object with a link in the place of its older version, from its file to the old generation being gone. */
export function upgradeRows(contestants: Contestants, { root, scratch }: Place, { rounds }: Effort): Row[] {
  const n = 64
  const row = (name: string, operation: string, after: Version): Row => ({
    ...{ name, n, unit: 'ms', warmUps: 3, rounds },
    ours: async () => {
      const file = [version(scratch, n, 'old'), version(scratch, n, after)].join()
      return 1000 * (await contestants.ours.ask({ operation, n, file, root }))
    },
    libbpf: null,
    floor: null,
  })
  return [
    row('upgrade', 'upgrade-reused', 'new code'),
    row('upgrade (all converted)', 'upgrade-converted', 'new layout'),
  ]
}
