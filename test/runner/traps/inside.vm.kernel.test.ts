import { test } from 'uvu'

test('runs in a machine only', () => {})

test.run()
