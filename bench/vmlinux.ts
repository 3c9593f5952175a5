import { join } from 'node:path'
import { built } from './built.ts'
import type { Contestant, Contestants } from './contestant.ts'
import { type Timed, wholeProcess } from './processes.ts'
import type { Effort, Place, Row } from './row.ts'

const lookups = join(import.meta.dirname, 'lookups.txt')

/** From the file of the running kernel's types to twenty lookups by name and kind, members among them. */
export function vmlinuxRows(contestants: Contestants, { scratch }: Place, effort: Effort): Row[] {
  const n = 20
  const warm = (who: () => Contestant, operation: string) => async () =>
    1000 * (await who().ask({ operation, n, file: lookups }))
  let reader: Contestant | undefined
  const took: Timed = wholeProcess(contestants)
  return [
    {
      ...{ name: 'vmlinux-btf', n, unit: 'ms', warmUps: 5, rounds: 2 * effort.rounds },
      ours: warm(() => contestants.ours, 'vmlinux-btf'),
      libbpf: warm(() => contestants.peer('btf'), 'vmlinux-btf'),
      floor: null,
    },
    {
      ...{ name: 'vmlinux-btf (read)', n, unit: 'ms', warmUps: 5, rounds: 2 * effort.rounds },
      ours: warm(() => (reader ??= contestants.ours.again()), 'vmlinux-btf-read'),
      libbpf: warm(() => contestants.peer('btf'), 'vmlinux-btf-read'),
      floor: null,
      after: async () => reader?.close(),
    },
    {
      ...{ name: 'vmlinux-btf cold', n, unit: 'ms', warmUps: 1, rounds: effort.processRounds },
      ours: async () => {
        const { bundled } = await built(scratch)
        const bare = await took(process.execPath, join(bundled, 'nothing.mjs'))
        return (await took(process.execPath, join(bundled, 'vmlinux.mjs'), lookups)) - bare
      },
      libbpf: () => took(contestants.program('btf'), lookups),
      floor: null,
    },
  ]
}
