import { test } from 'uvu'

test.skip('says nothing', () => {})
test('runs', () => {})
test.run()
