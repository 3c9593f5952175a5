import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEverySecond } from './failing-upgrade.ts'

needs(test, 'root')(
  'whichever call of an upgrade fails, first, third, fifth and so on: before the commit nothing has changed, after it the next call finishes',
  () => failEverySecond(1),
)

test.run()
