import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { killEach, killEachCall } from './matrix.ts'
import { clearings, recoveries, rollbacks } from './state-operations.ts'

needs(test, 'root')('a rollback that is killed after any step is finished by the next call', () =>
  killEach(rollbacks),
)

needs(test, 'root')(
  'a recovery that is killed, too, is finished by the next one, and no state is lost',
  () => {
    killEach(recoveries)
    killEachCall(clearings)
  },
)

test.run()
