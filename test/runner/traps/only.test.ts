import { test } from 'uvu'

test.only('this one', () => {})
test('left out', () => {})
test.run()
