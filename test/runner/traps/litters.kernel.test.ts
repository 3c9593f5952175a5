import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'

test('makes a directory and leaves it', () => {
  mkdirSync(join(process.env.BPFPIN_TEST_ROOT!, 'left-over'))
})
test.run()
