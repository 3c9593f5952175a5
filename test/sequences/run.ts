// `npm run fuzz:api`: random sequences of calls of the public API, each in a process of its own, on a bpffs of
// their own. Nothing may end a process by a signal, throw what is no error of the library, or leave descriptors open.
// A finding is made small, and shown with what does it again. The last line says how many there were.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onOwnBpffs } from '../../bench/own-bpffs.ts'
import { commandLine, numberOf } from '../runner/command-line.mjs'
import { Stopping } from '../stopping.ts'
import { type Sequence, Sequences } from './sequences.ts'

const usage = `Usage: npm run fuzz:api -- [options]

  --minutes N     default 1
  --seed S        where to begin; default 1. The same seed gives the same calls.
  --steps N       of a sequence; default 300
  --only I,J      some steps of the one sequence of that seed, as a finding shows them
  --at-once N     processes; default 2
  --help          this`

const { values } = commandLine(usage, {
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '300' },
    only: { type: 'string' },
    'at-once': { type: 'string', default: '2' },
  },
})
const [firstSeed, steps] = [numberOf('seed', values.seed), numberOf('steps', values.steps, 1)]
const minutes = numberOf('minutes', values.minutes)
const only = values.only?.split(',').map(step => numberOf('only', step))
const atOnce = numberOf('at-once', values['at-once'], 1)

await onOwnBpffs(async mount => {
  const root = join(mount, 'sequences')
  mkdirSync(root)
  const cgroup = mkdtempSync(join(tmpdir(), 'bpfpin-sequences-'))
  execFileSync('mount', ['-t', 'cgroup2', 'cgroup2', cgroup])
  const sequences = await Sequences.make({ root, cgroup })
  const stopping = new Stopping()
  try {
    if (only === undefined) await search(sequences, stopping.signal)
    else await repeat(sequences, { seed: firstSeed, steps, only })
  } finally {
    sequences.close()
    execFileSync('umount', [cgroup])
    rmdirSync(cgroup)
    stopping.end(mount)
  }
})

async function search(sequences: Sequences, signal: AbortSignal): Promise<void> {
  const until = performance.now() + minutes * 60_000
  let [seed, calls, findings] = [firstSeed, 0, 0]
  const work = async (): Promise<void> => {
    while (performance.now() < until && !signal.aborted) {
      const sequence = { seed: seed++, steps }
      const result = await sequences.run(sequence)
      calls += result.trail.length / 2
      if (result.wrong === undefined) continue
      findings++
      console.log(`seed ${sequence.seed}: ${result.wrong.trimEnd()}\n${result.trail.slice(-6).join('\n')}`)
      const { only } = await sequences.reduce(sequence, result, signal)
      console.log(`npm run fuzz:api -- --seed ${sequence.seed} --steps ${steps} --only ${only.join(',')}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  console.log(
    `${seed - firstSeed} sequences, ${Math.round(calls)} steps, seeds ${firstSeed} to ${seed - 1}, ${findings} findings`,
  )
  if (findings > 0) process.exitCode = 1
}

async function repeat(sequences: Sequences, sequence: Sequence): Promise<void> {
  const { wrong, trail } = await sequences.run(sequence)
  console.log(`${trail.join('\n')}\n${wrong ?? 'nothing wrong'}`)
  if (wrong !== undefined) process.exitCode = 1
}
