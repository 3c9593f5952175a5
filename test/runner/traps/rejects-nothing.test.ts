import { test } from 'uvu'

test('rejects with nothing', () => Promise.reject())
test.run()
