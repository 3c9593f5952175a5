import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { needs } from '../requirements.ts'
import { Counted, root } from './state-killing.ts'
import { treeOf } from './steady.ts'

needs(test, 'root')('after an upgrade that was killed an unpin leaves nothing, and nothing attached', () => {
  const counted = new Counted()
  let step = 1
  for (; ; step++) {
    counted.install(1)
    const isDone = !counted.killedAfter('upgrade', 2, step)
    using open = Root.find(root)
    const report = open && unpinObject(open, 'state')
    assert.equal([report?.left, report?.stillAttached], [[], []], `step ${step}`)
    assert.equal(treeOf(root), [], `step ${step}`)
    if (isDone) break
  }
  assert.ok(step > 50, `${step} steps`)
  counted.close()
})

test.run()
