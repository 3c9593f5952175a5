// What an upgrade leaves that was killed, when the next call is not the same one.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { Counted, root } from './state-killing.ts'
import { treeOf } from './steady.ts'

const onKernel = needs(test, 'root')

onKernel('after an upgrade that was killed the version before can come back, and loses no state', () => {
  const counted = new Counted()
  counted.install(1)
  let step = 1
  for (; ; step++) {
    counted.makeEvents(5)
    if (!counted.killedAfter('upgrade', 2, step)) break
    counted.makeEvents(2)
    counted.upgrade(1).close()
    counted.mustBeIntact(1, `step ${step}`)
    counted.mustBeAlone(1, `step ${step}`)
  }
  counted.mustBeIntact(2, 'at last')
  assert.ok(step > 50, `${step} steps`)
  using object = counted.spec(2).loadPinned()
  object.unpin()
  assert.equal(treeOf(root), [])
  counted.close()
})

test.run()
