import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

test('a kernel test file has an empty bpffs of its own', () => {
  assert.equal(readdirSync(process.env.BPFPIN_TEST_ROOT!), [])
})
test.run()
