import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEach } from './matrix.ts'
import { loads, pins, reads } from './scattered-operations.ts'

needs(test, 'root')(
  'whichever call fails of what loads, finds, pins and unpins: all is as before, or as after with the next call',
  () => failEach([...loads, ...reads, ...pins]),
)

test.run()
