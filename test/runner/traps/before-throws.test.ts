import { test } from 'uvu'

test.before(() => {
  throw new Error('no disk')
})
test('never starts', () => {})
test.run()
