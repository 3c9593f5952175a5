// A process of its own that pins or unpins an object and is killed right after a step of it.
import { watchSteps } from '../../src/pin/index.ts'
import { scattered } from './scattered.ts'

const [what = '', root = '', last = '0'] = process.argv.slice(2)
let steps = 0
const dieAtStep = (): void =>
  watchSteps(() => {
    if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL')
  })

if (what === 'pin') dieAtStep()
const object = scattered(root).upgrade()
if (what === 'unpin') {
  dieAtStep()
  object.unpin()
}
