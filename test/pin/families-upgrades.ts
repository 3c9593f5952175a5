// A process of its own that upgrades an object back and forth, and says of each link how many events were made while the
// old one and the new one may both have been attached:
//   families-upgrades.ts ROOT LEDGER PID CGROUP TIMES
import { readFileSync } from 'node:fs'
import { watchSteps } from '../../src/pin/index.ts'
import { families } from './families.ts'
import { type Entry, Ledger } from './ledger.ts'

const [root = '', path = '', pid = '', cgroup = '', times = ''] = process.argv.slice(2)
const ledger = new Ledger(path)
type Moment = Readonly<Record<string, Entry>>

/** The switches of the source's first thread are told by the kernel. */
function now(): Moment {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'latin1')
  const switches = [...status.matchAll(/ctxt_switches:\s+(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0)
  // one may be under way
  return { ...ledger.read(), switches: { begun: switches + 1, ended: switches } }
}

const kindOf = (link: string): string => {
  if (link === 'on_switch') return 'switches'
  return link === 'on_filter' ? 'packets' : 'calls'
}

families(root, 1, { pid: Number(pid), cgroup })
  .upgrade()
  .close()
const both: Record<string, number> = {}
const began = new Map<string, Moment>()
let last = now()
watchSteps(step => {
  const moment = now()
  if (step.do === 'attach') began.set(step.name, last)
  const before = step.do === 'unpin' && step.kind === 'link' ? began.get(step.name) : undefined
  if (before && step.do === 'unpin') {
    const kind = kindOf(step.name)
    both[step.name] = (both[step.name] ?? 0) + moment[kind]!.begun - before[kind]!.ended
    began.delete(step.name)
  }
  last = moment
})
for (let i = 0; i < Number(times); i++) {
  last = now()
  families(root, i % 2 === 0 ? 2 : 1, { pid: Number(pid), cgroup })
    .upgrade()
    .close()
}
if (began.size > 0) throw new Error(`no end was seen of ${[...began.keys()]}`)
console.log(JSON.stringify(both))
