// A reader of its own: knows nothing of the object but the path of its pins, not the ELF file either. Prints a table of
// processes by their system calls, once a second.
//
//     top.ts DIRECTORY [SECONDS]
import { type BpfMap, openMap } from '../../src/index.ts'

const [directory = '/sys/fs/bpf/syscount', seconds = '5'] = process.argv.slice(2)
const rowsShown = 8

/** struct process of syscount.bpf.c, as its BTF says. */
interface Process {
  readonly calls: bigint
  readonly errors: bigint
  readonly nanoseconds: bigint
  readonly name: string
}

/** What the maps hold at one time. */
interface Counts {
  readonly at: number
  readonly processes: ReadonlyMap<number, Process>
  /** Calls by the power of two of nanoseconds that they took. */
  readonly latencies: readonly number[]
}

process.title = 'syscount-top'
using processes = openMap(`${directory}/maps/processes`, { readOnly: true })
using latencies = openMap(`${directory}/maps/latencies`, { readOnly: true })

let before = read(processes, latencies)
for (let second = 0; second < Number(seconds); second++) {
  await new Promise(resolve => setTimeout(resolve, 1000))
  const now = read(processes, latencies)
  const table = tableOf(before, now)
  // on a terminal every table takes the place of the one before
  const isRedrawn = process.stdout.isTTY && second > 0
  process.stdout.write(`${isRedrawn ? `\x1b[${table.length}A\x1b[J` : ''}${table.join('\n')}\n`)
  before = now
}

function read(processes: BpfMap, latencies: BpfMap): Counts {
  // keys and values have the types that the map was made with: u32 -> struct process
  const counted = new Map(processes) as ReadonlyMap<unknown, unknown> as ReadonlyMap<number, Process>
  // u32 -> one u64 a CPU
  const byCpu = Array.from(latencies, ([, cpus]) => cpus as readonly bigint[])
  return {
    at: performance.now(),
    processes: counted,
    latencies: byCpu.map(cpus => cpus.reduce((sum, count) => sum + Number(count), 0)),
  }
}

/** Always the same number of lines. */
function tableOf(before: Counts, now: Counts): string[] {
  const span = (now.at - before.at) / 1000
  const rows = [...now.processes]
    .map(([pid, process]) => ({ pid, ...difference(process, before.processes.get(pid)) }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls - a.calls)
  const busiest = rows[0]?.calls ?? 1
  const lines = rows.slice(0, rowsShown).map(({ pid, name, calls, errors, nanoseconds }) => {
    const columns = [
      perSecond(calls, span).padStart(10),
      perSecond(errors, span).padStart(9),
      duration(nanoseconds / calls).padStart(9),
      String(pid).padStart(8),
      name.padEnd(15),
    ]
    return `${columns.join(' ')} ${bar(calls / busiest)}`
  })
  return [
    summary(before, now, span),
    '   calls/s  errors/s mean time      pid process',
    ...lines,
    ...Array<string>(rowsShown - lines.length).fill(''),
  ]
}

function difference(
  now: Process,
  before: Process | undefined,
): Record<'calls' | 'errors' | 'nanoseconds', number> & { name: string } {
  const less = (field: 'calls' | 'errors' | 'nanoseconds'): number =>
    Number(now[field] - (before?.[field] ?? 0n))
  return { name: now.name, calls: less('calls'), errors: less('errors'), nanoseconds: less('nanoseconds') }
}

function summary(before: Counts, now: Counts, span: number): string {
  const added = now.latencies.map((count, bucket) => count - (before.latencies[bucket] ?? 0))
  const all = added.reduce((sum, count) => sum + count, 0)
  const half = duration(boundOf(added, all / 2))
  const most = duration(boundOf(added, all * 0.99))
  return `${perSecond(all, span)} system calls a second; half of them took less than ${half}, 99 % less than ${most}`
}

/** The time, in nanoseconds, that so many calls stayed below. */
function boundOf(buckets: readonly number[], calls: number): number {
  let sum = 0
  const bucket = buckets.findIndex(count => (sum += count) >= calls)
  return 2 ** (bucket + 1)
}

function perSecond(count: number, span: number): string {
  return Math.round(count / span).toLocaleString('en')
}

function duration(nanoseconds: number): string {
  const [unit, size] =
    nanoseconds < 1e3
      ? ['ns', 1]
      : nanoseconds < 1e6
        ? ['µs', 1e3]
        : nanoseconds < 1e9
          ? ['ms', 1e6]
          : ['s', 1e9]
  return `${(nanoseconds / Number(size)).toPrecision(3).replace(/\.0+$/, '')} ${unit}`
}

function bar(part: number): string {
  return '█'.repeat(Math.max(1, Math.round(part * 20)))
}
