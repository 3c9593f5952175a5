import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { root, Steady } from './killing.ts'
import { removeCgroup, treeOf } from './steady.ts'

needs(test, 'root')('a rollback that is killed after any step is finished by the next call', () => {
  const steady = new Steady('raw', 'egress')
  steady.spec(1).upgrade().close()
  let step = 1
  for (; ; step++) {
    using before = steady.spec(2).upgrade({ keepPrevious: true })
    for (const link of before.links) link.close()
    if (!steady.killedAfter('rollback', 2, step)) break
    steady.mustBeWhole(before, step)
    using again = steady.spec(1).upgrade()
    steady.mustCountAlone(again, 1, step)
  }
  assert.ok(step > 20, `${step} steps`)
  using last = steady.spec(1).loadPinned()
  steady.mustCountAlone(last, 1, step)
  last.unpin()
  assert.equal(treeOf(root), [])
})

test.after(removeCgroup)

test.run()
