import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { listObject, Root } from '../../src/pin/index.ts'
import { needs } from '../requirements.ts'
import { Counted, root } from './state-killing.ts'
import { treeOf, type Version } from './steady.ts'

const onKernel = needs(test, 'root')

onKernel(
  'an upgrade that keeps the version before, killed after any step, is finished with a way back',
  () => {
    const counted = new Counted()
    counted.install(1)
    let version: Version = 1
    let step = 1
    for (; ; step++) {
      const text = `to ${version === 1 ? 2 : 1}, step ${step}`
      counted.makeEvents(5)
      version = version === 1 ? 2 : 1
      if (!counted.killedAfter('keep', version, step)) break
      counted.makeEvents(2)
      counted.mustBeWhole(text)
      counted.upgrade(version, { keepPrevious: true }).close()
      counted.mustBeIntact(version, text)
      using open = Root.find(root)
      const listed = open && listObject(open, 'state')
      assert.is(listed?.previous?.generation, listed && listed.generation - 1, text)
    }
    assert.ok(step > 50, `${step} steps`)
    using object = counted.spec(version).loadPinned()
    object.rollback()
    version = version === 1 ? 2 : 1
    using earlier = counted.spec(version).loadPinned()
    counted.mustBeAlone(version, 'rolled back')
    earlier.unpin()
    assert.equal(treeOf(root), [])
    counted.close()
  },
)

test.run()
