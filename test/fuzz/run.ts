// `npm run fuzz`: hands damaged and hostile inputs to all that reads what others wrote, until the time is
// over, a number of cases is reached, or one breaks the contract (contract.ts).
// A finding is made small, written to a file, and shown with what runs it again. The last line says how many there were.
// SIGINT and SIGTERM end it as the end of its time does.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { commandLine, numberOf, refuse } from '../runner/command-line.mjs'
import {
  casesBegun,
  lastInputOf,
  type Report,
  type Slice,
  type Surroundings,
  sharedBytes,
  stopSlice,
} from './slices.ts'
import { targets } from './targets/index.ts'
import { temporaryDirectory } from './temporary.ts'

const usage = `Usage: npm run fuzz -- [options]

  --minutes N     default 1
  --cases N       instead: so many in all
  --seed S        where to begin; default 1. The same seed gives the same cases.
  --only A,B      some targets: ${targets.map(({ name }) => name).join(', ')}
  --slice N       cases of one target before the next one's turn; default 2000
  --help          this`

const { values: options } = commandLine(usage, {
  options: {
    minutes: { type: 'string', default: '1' },
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    slice: { type: 'string', default: '2000' },
  },
})

const limits = {
  until:
    options.cases === undefined
      ? performance.now() + 60_000 * numberOf('minutes', options.minutes)
      : Infinity,
  cases: options.cases === undefined ? Infinity : numberOf('cases', options.cases),
}
/** Seconds without any case coming to its end: one may take as many hundredths. */
const patience = 60
/** As above, when a signal came. */
const lastPatience = 5
/** MB of JavaScript objects: no input is a hundredth of that. */
const heap = 1024

const wanted = options.only?.split(',') ?? targets.map(({ name }) => name)
for (const name of wanted) {
  if (!targets.some(target => target.name === name)) {
    refuse(`--only ${name}: there are ${targets.map(target => target.name).join(', ')}`)
  }
}

const sums = new Map(wanted.map(name => [name, { cases: 0, seconds: 0, refused: 0, slowest: 0, most: 0 }]))
const surroundings: Surroundings = {
  shared: new SharedArrayBuffer(sharedBytes),
  directory: temporaryDirectory(),
}
let done = 0
let findings = 0
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal))

const worker = new Worker(new URL('./slices.ts', import.meta.url), {
  workerData: surroundings,
  resourceLimits: { maxOldGenerationSizeMb: heap },
})
const slice = numberOf('slice', options.slice, 1)
const firstSeed = numberOf('seed', options.seed)
let seed = firstSeed
for (; !isOver(); seed++) {
  for (const target of wanted) {
    if (isOver()) break
    const cases = Math.min(slice, limits.cases - done)
    const start = performance.now()
    const report = await run({ target, seed, cases })
    if (report.kind === 'finding') show(target, report)
    else add(target, report, performance.now() - start)
  }
}
await worker.terminate()

for (const [name, { cases, seconds, refused, slowest, most }] of sums) {
  const [share, mb] = [Math.round((100 * refused) / Math.max(1, cases)), (most / 2 ** 20).toFixed(1)]
  const rate = Math.round(cases / Math.max(1e-3, seconds))
  console.log(
    `${name.padEnd(12)} ${cases} cases, ${rate} a second, ${share} % refused, slowest ${Math.round(slowest)} ms, ${mb} MB`,
  )
}
if (stop.signal.aborted) console.log(`ended by ${stop.signal.reason}`)
console.log(`${done} cases, seeds ${firstSeed} to ${Math.max(firstSeed, seed - 1)}, ${findings} findings`)
if (findings > 0) process.exitCode = 1

function isOver(): boolean {
  return findings > 0 || stop.signal.aborted || performance.now() >= limits.until || done >= limits.cases
}

/** Has the other thread do it, and looks whether it still lives. A signal has it end with what it did. */
function run(slice: Slice): Promise<Report> {
  return new Promise(resolve => {
    const { shared } = surroundings
    let before = -1
    const end = (report: Report): void => {
      clearInterval(watch)
      worker.off('message', end).off('error', failed).off('exit', ended)
      stop.signal.removeEventListener('abort', aborted)
      resolve(report)
    }
    const lost = (what: string): void => {
      const [cases, input] = [casesBegun(shared), lastInputOf(shared)]
      end({ kind: 'finding', what, seed: slice.seed, cases, madeOf: 'the last input', input })
    }
    const failed = (error: unknown): void => lost(`${error}`)
    const ended = (code: number): void => lost(`the thread ended with code ${code}`)
    const watch = setInterval(() => {
      const now = casesBegun(shared)
      if (now === before) lost(`no case came to its end in ${patience} s`)
      before = now
    }, 1000 * patience)
    const aborted = (): void => {
      stopSlice(shared)
      const sum = { cases: casesBegun(shared) - 1, refused: 0, slowest: 0, most: 0 }
      setTimeout(() => end({ kind: 'tally', ...sum }), 1000 * lastPatience).unref()
    }
    stop.signal.addEventListener('abort', aborted)
    worker.on('message', end).on('error', failed).on('exit', ended).postMessage(slice)
  })
}

function add(target: string, tally: Extract<Report, { kind: 'tally' }>, ms: number): void {
  const sum = sums.get(target)!
  sum.cases += tally.cases
  sum.seconds += ms / 1000
  sum.refused += tally.refused
  sum.slowest = Math.max(sum.slowest, tally.slowest)
  sum.most = Math.max(sum.most, tally.most)
  done += tally.cases
}

function show(
  target: string,
  { what, seed, cases, madeOf, input }: Extract<Report, { kind: 'finding' }>,
): void {
  findings++
  done += cases
  const file = join(mkdtempSync(join(tmpdir(), 'bpfpin-finding-')), `${target}-${seed}`)
  writeFileSync(file, input)
  console.log(`${target}: ${what}\n  made of ${madeOf}, ${input.length} bytes: ${file}`)
  console.log(`  npm run fuzz -- --only ${target} --seed ${seed} --cases ${cases} --slice ${cases}`)
}
