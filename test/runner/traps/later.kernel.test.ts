import { test } from 'uvu'
import { needs } from '../../requirements.ts'

test('runs anywhere', () => {})
needs(test, 'linux 99.1')('is for a kernel to come', () => {})

test.run()
