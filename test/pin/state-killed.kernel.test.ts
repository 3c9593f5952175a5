import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { Counted, root } from './state-killing.ts'
import { treeOf, type Version } from './steady.ts'

needs(test, 'root')(
  'an upgrade that converts, killed after any step, loses no state, and the same call finishes it',
  () => {
    const counted = new Counted()
    counted.install(1)
    let version: Version = 1
    let step = 1
    for (; ; step++) {
      const text = `to ${version === 1 ? 2 : 1}, step ${step}`
      counted.makeEvents(5)
      version = version === 1 ? 2 : 1
      if (!counted.killedAfter('upgrade', version, step)) break
      counted.makeEvents(2)
      counted.mustBeWhole(text)
      counted.upgrade(version).close()
      counted.mustBeIntact(version, text)
      counted.mustBeAlone(version, text)
    }
    counted.mustBeIntact(version, 'at last')
    assert.ok(step > 50, `${step} steps`)
    using object = counted.spec(version).loadPinned()
    object.unpin()
    assert.equal(treeOf(root), [])
    counted.close()
  },
)

test.run()
