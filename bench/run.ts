// `npm run bench`: how fast we are, beside libbpf and beside the bare system calls, in one run and in turn. As root, with gcc
// and clang-19; the libbpf is the one in $LIBBPF_DIR, or built from Debian's sources. docs/performance.md tells what the
// rows are.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, refuse } from '../test/runner/command-line.mjs'
import { accessRows } from './access.ts'
import { Contestants } from './contestant.ts'
import { convertRows } from './convert.ts'
import { coreRows } from './core-load.ts'
import { footprintRows } from './footprint.ts'
import { hotPathRows, loopRows, transactionRows } from './hot-path.ts'
import { onOwnBpffs } from './own-bpffs.ts'
import { ringRows } from './ring.ts'
import { type Effort, measure, type Result, type Row } from './row.ts'
import { scaleOf } from './scale.ts'
import { header, line } from './table.ts'
import { upgradeRows } from './upgrade.ts'
import { vmlinuxRows } from './vmlinux.ts'

const quick: Effort = { sizes: [1024], entries: [100_000], rounds: 5, processRounds: 7 }
const whole: Effort = {
  sizes: [64, 1024, 4096, 16384],
  entries: [100_000, 1_000_000],
  rounds: 9,
  processRounds: 31,
}

const usage = `Usage: npm run bench -- [options]

  --only NAME   rows of this name; may be repeated
  --quick       fewer sizes and rounds, under a minute
  --json        { machine, rows } for programs
  --help        this`

const { values: options } = commandLine(usage, {
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

// before anything is made; where they work rows are told for measuring only
const names = new Set(allRows(new Contestants(''), { root: '', scratch: '' }).map(({ name }) => name))
const unknown = options.only.find(name => !names.has(name))
if (unknown !== undefined) refuse(`no row '${unknown}'; there are:\n  ${[...names].join('\n  ')}`)

await onOwnBpffs(async root => {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-bench-'))
  try {
    await run(root, scratch)
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

async function run(root: string, scratch: string): Promise<void> {
  const contestants = new Contestants(scratch)
  const results: Result[] = []
  try {
    const rows = chosen(allRows(contestants, { root, scratch }))
    if (!options.json) console.log(header())
    for (const row of rows) {
      const result = await measure(row)
      results.push(result)
      if (!options.json) console.log(line(result, scaleOf(result, results)))
    }
  } finally {
    contestants.close()
  }
  if (options.json) {
    const rows = results.map(result => ({ ...result, scale: scaleOf(result, results) ?? null }))
    console.log(JSON.stringify({ machine: machine(), rows }, null, 2))
  }
}

function allRows(
  contestants: Contestants,
  place: { readonly root: string; readonly scratch: string },
): Row[] {
  const effort = options.quick ? quick : whole
  return [
    ...hotPathRows(contestants, place, effort),
    ...loopRows(contestants, place, effort),
    ...transactionRows(contestants, place, effort),
    ...upgradeRows(contestants, place, effort),
    ...convertRows(contestants, place, effort),
    ...coreRows(contestants, effort),
    ...vmlinuxRows(contestants, place, effort),
    ...accessRows(contestants, place, effort),
    ...ringRows(contestants, place, effort),
    ...footprintRows(contestants, place, effort),
  ]
}

function chosen(rows: readonly Row[]): readonly Row[] {
  const { only } = options
  return only.length === 0 ? rows : rows.filter(({ name }) => only.includes(name))
}

function machine(): Record<string, string | number> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    kernel: release(),
    node: process.version,
  }
}
