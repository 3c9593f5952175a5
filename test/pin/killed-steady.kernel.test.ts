import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { killEach } from './matrix.ts'
import { gaps, leaveNetwork, outside, reusing } from './steady-operations.ts'

needs(test, 'root')(
  'killed after any step, an upgrade shows one whole generation, each link runs one of the two, and the next call finishes',
  () => {
    leaveNetwork()
    killEach([...reusing, ...outside, ...gaps])
  },
)

test.run()
