// A process of its own that upgrades an object, or rolls it back, and is killed right after a step of that.
import { watchSteps } from '../../src/pin/index.ts'
import { steady, type Version } from './steady.ts'

const [what = '', root = '', version = '', pid = '', only = '', last = '0'] = process.argv.slice(2)
const spec = steady(root, Number(version) as Version, { only: only.split(','), pid: Number(pid) })
const object = what === 'rollback' ? spec.loadPinned() : undefined
let steps = 0
watchSteps(() => {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL')
})
if (object) object.rollback()
else spec.upgrade()
