import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEach } from './matrix.ts'
import { reads } from './scattered-operations.ts'

needs(test, 'root')(
  'whichever call fails of what finds and lists: nothing changes, and no answer is wrong',
  () => failEach(reads),
)

test.run()
