// A process of its own that upgrades an object, or rolls it back, and is killed right after a step of that:
//   state-killed.ts upgrade|keep|rollback ROOT VERSION PID STEP
import { watchSteps } from '../../src/pin/index.ts'
import { state } from './state.ts'
import type { Version } from './steady.ts'

const [what = '', root = '', version = '', pid = '', last = '0'] = process.argv.slice(2)
const spec = state(root, Number(version) as Version, Number(pid)) // it is one of the two
const object = what === 'rollback' ? spec.loadPinned() : undefined
let steps = 0
watchSteps(() => {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL')
})
if (object) object.rollback()
else spec.upgrade({ onMismatch: 'convert-lossy', keepPrevious: what === 'keep' })
