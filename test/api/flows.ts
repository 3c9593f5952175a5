// A process of its own that puts a version of the object of upgrade-flows.h in place, and prints what became of the maps:
// `flows.ts ROOT VERSION [INTERFACE]`.
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const [root = '', version = '', device] = process.argv.slice(2)
const spec = openObject(fixture(`upgrade-flows-${version}`), { root, name: 'flows' })
if (device) spec.programs.get('on_datagram').target = { interface: device }
using object = spec.upgrade({
  // of `flows` the source says it
  merge: { calls: { packets: 'sum', bytes: 'sum' } },
  onMismatch: version === '2' ? 'convert' : 'convert-lossy',
})
console.log(JSON.stringify(object.upgraded ?? null))
