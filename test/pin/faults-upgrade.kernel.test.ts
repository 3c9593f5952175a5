import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { failEach } from './matrix.ts'
import { clearings, recoveries, rollbacks, upgrades } from './state-operations.ts'
import { gaps, leaveNetwork, reusing } from './steady-operations.ts'

needs(test, 'root')(
  'whichever call of an upgrade, a rollback or a recovery fails: nothing has changed, or the next call finishes',
  () => {
    leaveNetwork()
    failEach([...upgrades, ...rollbacks, ...recoveries, ...clearings, ...reusing, ...gaps])
  },
)

test.run()
