import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { calls, countedBy, makeEvents, otherThan, root, Steady } from './killing.ts'
import { removeCgroup, treeOf, type Version } from './steady.ts'

/** Each step once, from one version to the other and back; the last version is left pinned. */
function killAfterEachStep(steady: Steady): Version {
  steady.spec(1).upgrade().close()
  let version: Version = 1
  for (let step = 1; ; step++) {
    const next = otherThan(version)
    using before = steady.spec(version).loadPinned()
    const counted = countedBy(before)
    if (!steady.killedAfter('upgrade', next, step)) {
      assert.ok(step > 20, `${step} steps`)
      return next
    }
    steady.mustBeWhole(before, step)
    makeEvents()
    // old, new or both see each event, and what was counted stays
    const now = countedBy(before)
    assert.ok(now >= counted + BigInt(calls), `step ${step}: ${now} of ${counted + BigInt(calls)}`)
    for (const link of before.links) link.close()
    using after = steady.spec(next).upgrade()
    steady.mustCountAlone(after, next, step)
    version = next
  }
}

needs(test, 'root')(
  'an upgrade that is killed after any step shows one whole generation, and the next call finishes it',
  () => {
    const steady = new Steady('raw', 'egress')
    const last = killAfterEachStep(steady)
    using object = steady.spec(last).loadPinned()
    object.unpin()
    assert.equal(treeOf(root), [])
  },
)

test.after(removeCgroup)

test.run()
