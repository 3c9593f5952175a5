// `npm run soak`: processes that pin, upgrade, roll back, find, read, list and unpin the
// same objects, on a bpffs of their own. Prints a line at each look, and at the end what came of it; fails where anything
// was lost or left. Memory and descriptors are compared from a fifth of the time on, when all has been done once.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { onOwnBpffs } from '../../bench/own-bpffs.ts'
import { commandLine, numberOf } from '../runner/command-line.mjs'
import { Stopping } from '../stopping.ts'
import { type Sample, soak } from './soak.ts'

const mebibyte = 2 ** 20
const mostGrowth = 0.05
/** Of how many fifths can be told. */
const fewestSamples = 5
const usage = `Usage: npm run soak -- [options]

  --minutes N     default 1
  --processes N   default 8
  --seed N        of what they do; default by the clock
  --help          this`

const { values } = commandLine(usage, {
  options: {
    minutes: { type: 'string', default: '1' },
    processes: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})

const minutes = numberOf('minutes', values.minutes)
const processes = numberOf('processes', values.processes, 1)
const seed = numberOf('seed', values.seed)

await onOwnBpffs(async mount => {
  // beside what the kernel itself has there (CONFIG_BPF_PRELOAD)
  const root = join(mount, 'soak')
  mkdirSync(root)
  const cgroup = mkdtempSync(join(tmpdir(), 'bpfpin-soak-'))
  execFileSync('mount', ['-t', 'cgroup2', 'cgroup2', cgroup])
  const stopping = new Stopping()
  try {
    await run(root, cgroup, stopping.signal)
  } finally {
    execFileSync('umount', [cgroup])
    rmdirSync(cgroup)
    stopping.end(mount)
  }
})

async function run(root: string, cgroup: string, signal: AbortSignal): Promise<void> {
  const seconds = minutes * 60
  console.log(
    `Linux ${release()}, Node ${process.version}, ${processes} processes, ${minutes} minutes, seed ${seed}`,
  )
  const options = { root, cgroup, processes, seconds, interval: Math.min(30, seconds / 10), seed }
  const outcome = await soak({ ...options, signal, onSample: tell })
  for (const [what, times] of Object.entries(outcome.tally).sort())
    console.log(`${String(times).padStart(8)}  ${what}`)
  const { generations, made, events, seen, problems, samples } = outcome
  console.log(
    `${generations} generations, ${made} maps and programs, ${events} events, ${seen} of them seen by a reader`,
  )
  if (samples.length >= fewestSamples) problems.push(...growthOf(samples))
  else console.log('too short a time to see anything grow')
  for (const problem of problems.slice(0, 50)) console.log(problem)
  console.log(`${problems.length} problems`)
  if (problems.length > 0) process.exitCode = 1
}

function tell({ seconds, operations, events, rss, heap, descriptors, problems }: Sample): void {
  const memory = `${(rss / mebibyte).toFixed(1)} MiB, of JavaScript ${(heap / mebibyte).toFixed(1)}`
  for (const problem of problems.slice(0, 10)) console.log(problem)
  const done = `${operations} operations  ${events} events`
  console.log(`${seconds.toFixed(0).padStart(6)} s  ${done}  ${memory}  ${descriptors} descriptors`)
}

function growthOf(samples: readonly Sample[]): string[] {
  const memory = grown(samples, ({ rss }) => rss)
  const files = grown(samples, ({ descriptors }) => descriptors)
  console.log(`since warm: memory ${percent(memory)}, descriptors ${percent(files)}`)
  return [
    ...(memory > mostGrowth ? [`memory grew by ${percent(memory)}`] : []),
    ...(files > 0 ? [`descriptors grew by ${percent(files)}`] : []),
  ]
}

/** From the second fifth of the time to the last, each by its median. */
function grown(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const fifth = Math.max(1, Math.floor(samples.length / 5))
  const median = (some: readonly Sample[]): number =>
    some.map(of).sort((a, b) => a - b)[some.length >> 1] ?? 0
  return median(samples.slice(-fifth)) / median(samples.slice(fifth, 2 * fifth)) - 1
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
