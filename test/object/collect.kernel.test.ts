import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'

needs(test, 'root')('what the kernel reads is not collected before it has read it', () => {
  const script = new URL('./collect.ts', import.meta.url).pathname
  const output = execFileSync(process.execPath, ['--expose-gc', ...process.execArgv, script], {
    encoding: 'utf8',
  })
  assert.equal(JSON.parse(output), {
    gc: 'function',
    seen: new Array(10).fill('4141414141414141'),
    rubble: 2000,
  })
})

test.run()
