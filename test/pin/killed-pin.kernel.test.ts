import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { killEach } from './matrix.ts'
import { pins } from './scattered-operations.ts'

needs(test, 'root')(
  'a pin and an unpin that are killed after any step leave nothing or everything, and the next call finishes',
  () => killEach(pins),
)

test.run()
