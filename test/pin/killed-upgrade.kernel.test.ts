import { test } from 'uvu'
import { needs } from '../requirements.ts'
import { killEach } from './matrix.ts'
import { upgrades, upgradesThen } from './state-operations.ts'

needs(test, 'root')(
  'an upgrade that is killed after any step loses no state, and the next call finishes it, or takes it back',
  () => killEach([...upgrades, ...upgradesThen]),
)

test.run()
