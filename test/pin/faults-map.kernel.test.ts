import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { maps } from './map-operations.ts'
import { failEach } from './matrix.ts'

needs(
  test,
  'root',
  'linux 6.1',
)('whichever call on a map or a buffer fails: an error that says so, and no answer is wrong', () =>
  failEach(maps),
)

test.run()
