import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'

const rounds = Number(process.env.BPFPIN_ROUNDS ?? 50_000)
const script = await bundled(new URL('./errno-stress.ts', import.meta.url))

/** For what a profiler writes. */
const directory = mkdtempSync(join(tmpdir(), 'bpfpin-errno-'))
test.after(() => rmSync(directory, { recursive: true }))

/** What V8 does in the middle of a line, more often than it would. */
const stresses: Readonly<Record<string, readonly string[]>> = {
  'garbage is collected every 200 allocations': ['--gc-interval=200'],
  'the heap is marked in small steps, and code is thrown away': [
    '--stress-marking=10',
    '--stress-flush-code',
  ],
  'a profiler interrupts': ['--cpu-prof', '--cpu-prof-interval=50', `--cpu-prof-dir=${directory}`],
}

for (const [what, flags] of Object.entries(stresses)) {
  needs(test, 'root')(`each errno is that of its call while ${what}`, () => {
    const args = [...flags, ...script, String(rounds)]
    const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000 })
    assert.is(child.status, 0, child.stderr)
    assert.equal(JSON.parse(child.stdout), { made: rounds, wrong: [] })
  })
}

test.run()
