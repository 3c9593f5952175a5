import { test } from 'uvu'

test('is registered only', () => {})
