import { test } from 'uvu'

test('throws text', () => {
  throw 'just text'
})
test('goes on', () => {})
test.run()
