import { test } from 'uvu'
import * as assert from 'uvu/assert'

test('one', () => {
  assert.is(1 + 1, 2)
})
test('two', async () => {
  assert.ok(await Promise.resolve(true))
})
test.run()
