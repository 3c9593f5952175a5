import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { starveEach } from './matrix.ts'
import { loads, pins, reads } from './scattered-operations.ts'
import { recoveries, upgrades } from './state-operations.ts'

needs(test, 'root')(
  'with too few descriptors, however many there are, all is as before, or the next call finishes',
  () => starveEach([...loads, ...reads.filter(({ name }) => name !== 'close'), ...pins]),
)

needs(test, 'root')(
  'an upgrade or a recovery with too few descriptors changes nothing, or the next call finishes',
  () => starveEach([...upgrades.slice(0, 1), ...recoveries]),
)

test.run()
