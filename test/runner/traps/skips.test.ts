import { test } from 'uvu'
import { needs } from '../../requirements.ts'

needs(test, 'no-such-command', 'linux 2.6')('needs what is not there', () => {})
needs(test, 'linux 2.6', 'sh')('needs what is there', () => {})
test.run()
