import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isEmulated } from '../effort.ts'
import { needs } from '../requirements.ts'

// by hand: BPFPIN_ENTRIES=10000000 npm test -- --timeout 3600 api/upgrade-many
const entries = Number(process.env.BPFPIN_ENTRIES ?? (isEmulated ? 50_000 : 1_000_000))
const script = new URL('./upgrade-many.ts', import.meta.url).pathname

const run = (what: 'fill' | 'upgrade'): string =>
  execFileSync(
    process.execPath,
    [...process.execArgv, script, what, process.env.BPFPIN_TEST_ROOT ?? '', String(entries)],
    { encoding: 'utf8' },
  )

needs(
  test,
  'root',
  '/proc/self/clear_refs',
)('an upgrade takes no memory for each entry that it carries', () => {
  run('fill')
  const { grown, seconds, carried, right, wrong } = JSON.parse(run('upgrade'))
  assert.equal([right, wrong], [entries, 0])
  assert.equal(carried, [{ map: 'flows', entries, failed: 0, inKernel: true }])
  if (process.env.BPFPIN_ENTRIES)
    console.log(`| ${entries} entries: ${seconds.toFixed(1)} s, ${grown} MB more`)
  // megabytes; a million entries are 19 of keys and old values alone
  assert.ok(grown < 16, `${grown} MB more than before`)
})

test.run()
