import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { killEach, killEachCall } from './matrix.ts'
import { clearings, pins } from './scattered-operations.ts'

needs(test, 'root')(
  'a pin and an unpin that are killed after any step leave nothing or everything, and the next call finishes',
  () => {
    killEach(pins)
    killEachCall(clearings)
  },
)

test.run()
