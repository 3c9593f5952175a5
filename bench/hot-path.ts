import type { Contestant, Contestants, Task } from './contestant.ts'
import { manyMaps } from './objects.ts'
import { looped } from './ours/bare-loop.ts'
import type { Effort, Place, Row } from './row.ts'

/** What is done to an object of many maps, and who does it, too, besides us. */
const operations = {
  open: { libbpf: true, floor: false },
  'create+pin': { libbpf: true, floor: true },
  pin: { libbpf: true, floor: true },
  reuse: { libbpf: true, floor: true },
  openPinned: { libbpf: false, floor: true },
  unpin: { libbpf: true, floor: true },
} as const

/** The hot path: many maps of one object, per map. */
export function hotPathRows(contestants: Contestants, { root, scratch }: Place, effort: Effort): Row[] {
  const { ours, libbpf, floor } = sides(contestants)
  return Object.entries(operations).flatMap(([operation, peers]) =>
    effort.sizes.map((n): Row => {
      const task = (): Task => ({ operation, n, file: manyMaps(scratch, n), root })
      return {
        ...{ name: operation, n, ...often(n, effort) },
        ours: perMap(ours, task),
        libbpf: peers.libbpf ? perMap(libbpf, task) : null,
        floor: peers.floor ? perMap(floor, task) : null,
      }
    }),
  )
}

/**
 * What a plain loop in JavaScript over the same system calls takes, beside the same peers: the library does more (a
 * transaction, verdicts), and should not take longer.
 */
export function loopRows(contestants: Contestants, { root, scratch }: Place, effort: Effort): Row[] {
  const { ours, libbpf, floor } = sides(contestants)
  const n = 1024
  return looped.map((operation): Row => {
    const task = (): Task => ({ operation, n, file: manyMaps(scratch, n), root })
    return {
      ...{ name: `${operation} (bare loop in JS)`, n, ...often(n, effort) },
      ours: perMap(ours, () => ({ ...task(), operation: `${operation}-loop` })),
      libbpf: perMap(libbpf, task),
      floor: perMap(floor, task),
    }
  })
}

/**
 * What an object costs beside its maps, when it is pinned: lock, directories, manifest, rename. That is the pin of an object
 * of one map less the bare pin of one.
 */
export function transactionRows(contestants: Contestants, { root, scratch }: Place, effort: Effort): Row[] {
  const n = 1
  const task = (operation: string): Task => ({ operation, n, file: manyMaps(scratch, n), root })
  return [
    {
      ...{ name: 'transaction', ...often(n, effort), unit: 'us/object' },
      ours: async () =>
        1e6 * ((await contestants.ours.ask(task('pin'))) - (await contestants.ours.ask(task('pin-loop')))),
      libbpf: null,
      floor: null,
    },
  ]
}

function sides(contestants: Contestants): Record<'ours' | 'libbpf' | 'floor', () => Contestant> {
  return {
    ours: () => contestants.ours,
    libbpf: () => contestants.peer('libbpf'),
    floor: () => contestants.peer('floor'),
  }
}

function perMap(who: () => Contestant, task: () => Task): () => Promise<number> {
  return async () => {
    const asked = task()
    return (1e6 * (await who().ask(asked))) / (asked.n ?? 1)
  }
}

/** Small objects are measured often: what runs once in a process is a row of its own. */
function often(n: number, { rounds }: Effort): Pick<Row, 'unit' | 'warmUps' | 'rounds'> {
  return { unit: 'us/map', warmUps: warmUps(n), rounds: n < 1024 ? 5 * rounds : rounds }
}

/** Until V8 has compiled what runs once a map, for which it takes some 20,000 of them. */
function warmUps(n: number): number {
  return Math.max(3, Math.min(20, Math.ceil(20_000 / n)))
}
