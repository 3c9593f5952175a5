// A process of its own that upgrades an object and is killed right after a step of that: state-killed.ts ROOT VERSION PID STEP
import { watchSteps } from '../../src/pin/index.ts'
import { state } from './state.ts'
import type { Version } from './steady.ts'

const [root = '', version = '', pid = '', last = '0'] = process.argv.slice(2)
let steps = 0
watchSteps(() => {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL')
})
state(root, Number(version) as Version, Number(pid)) // it is one of the two
  .upgrade({ onMismatch: 'convert-lossy' })
