import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundled } from '../bundled.ts'

const script = await bundled(new URL('./native-process.ts', import.meta.url))

test('importing the library and opening an object load no native code, the first system call does', () => {
  const output = execFileSync(process.execPath, script, { encoding: 'utf8' })
  assert.equal(JSON.parse(output), { imported: false, opened: false, called: true })
})

test.run()
