// `npm run bench`: how fast we are, beside libbpf and beside the bare system calls, in one run and in turn. As root, with gcc
// and clang-19; the libbpf is the one in $LIBBPF_DIR, or built from Debian's sources.
//   --only NAME   rows of this name; may be repeated
//   --quick       fewer sizes and rounds, under a minute
//   --json        { machine, rows } for programs
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startContestants } from './contestant.ts'
import { coreRows } from './core-load.ts'
import { mapRows } from './map-rows.ts'
import { onOwnBpffs } from './own-bpffs.ts'
import { measure, type Result, type Row } from './row.ts'
import { header, line } from './table.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

await onOwnBpffs(async root => {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-bench-'))
  try {
    await run(root, scratch)
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

async function run(root: string, scratch: string): Promise<void> {
  const contestants = startContestants(scratch)
  const effort = options.quick ? { sizes: [1024], rounds: 5 } : { sizes: [64, 1024, 4096, 16384], rounds: 9 }
  const all = [...mapRows(contestants, { root, scratch }, effort), ...coreRows(contestants, effort)]
  const results: Result[] = []
  if (!options.json) console.log(header())
  for (const row of chosen(all)) {
    const result = await measure(row)
    results.push(result)
    if (!options.json) console.log(line(result))
  }
  for (const contestant of Object.values(contestants)) contestant.close()
  if (options.json) console.log(JSON.stringify({ machine: machine(), rows: results }, null, 2))
}

function chosen(rows: readonly Row[]): readonly Row[] {
  const { only } = options
  const names = new Set(rows.map(({ name }) => name))
  const unknown = only.find(name => !names.has(name))
  if (unknown !== undefined) throw new Error(`no row '${unknown}': there are ${[...names].join(', ')}`)
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
