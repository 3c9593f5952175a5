import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEverySecond } from './failing-upgrade.ts'

needs(test, 'root')(
  'whichever call of an upgrade fails, second, fourth, sixth and so on: before the commit nothing has changed, after it the next call finishes',
  () => failEverySecond(2),
)

test.run()
