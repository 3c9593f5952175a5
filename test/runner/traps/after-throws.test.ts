import { test } from 'uvu'

test.after(() => {
  throw new Error('cannot clean up')
})
test('passes', () => {})
test.run()
