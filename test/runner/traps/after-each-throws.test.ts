import { test } from 'uvu'

test.after.each(() => {
  throw new Error('cannot tidy')
})
test('fails first', () => {
  throw new Error('the first failure')
})
test('second', () => {})
test.run()
