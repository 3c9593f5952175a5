// A process of its own that upgrades an object whose XDP link changes its mode, so that the old one must go first:
//   gap.ts ROOT VERSION STEP    killed right after a step of that; 0: not
import { watchSteps } from '../../src/pin/index.ts'
import { steady, type Version } from './steady.ts'

const [root = '', version = '', last = '0', gap = 'gap'] = process.argv.slice(2)
let steps = 0
watchSteps(() => {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL')
})
const which = Number(version) as Version // it is one of the two
const spec = steady(root, which, { only: ['xdp', 'egress'], pid: process.pid })
const interfaceOnly = { interface: 'lo' }
spec.programs.get('on_xdp').target = which === 1 ? { ...interfaceOnly, mode: 'generic' } : interfaceOnly
try {
  using object = spec.upgrade({ allowGap: gap === 'gap' })
  console.log(JSON.stringify([...object.links].map(({ name, id, alive }) => [name, id, alive])))
} catch (error) {
  console.log(JSON.stringify((error as { code?: string }).code ?? String(error)))
}
