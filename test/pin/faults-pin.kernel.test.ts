import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEach } from './matrix.ts'
import { clearings, loads, pins } from './scattered-operations.ts'

needs(test, 'root')(
  'whichever call fails of what loads, pins and unpins: all is as before, or as after with the next call',
  () => failEach([...loads, ...pins, ...clearings]),
)

test.run()
