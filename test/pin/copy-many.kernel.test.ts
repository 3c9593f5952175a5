import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'

// an emulator is slow
const entries = Number(process.env.BPFPIN_ENTRIES ?? (process.env.BPFPIN_MACHINE ? 50_000 : 500_000))

needs(test, 'root')('carrying many entries takes no memory for each of them', () => {
  const script = new URL('./copy-many.ts', import.meta.url).pathname
  const printed = execFileSync(process.execPath, [...process.execArgv, script, String(entries)], {
    encoding: 'utf8',
  })
  const { entries: carried, swept, grown } = JSON.parse(printed)
  assert.is(carried, entries)
  assert.equal([swept.changed, swept.failed], [0, 0])
  // megabytes; half a million entries are 28 of keys and values alone
  assert.ok(grown < 16, `${grown} MB more than before`)
  if (process.env.BPFPIN_ENTRIES) console.log(printed)
})

test.run()
