import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMap, openObject } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { makeCalls } from '../calls.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

// before, removing the pin of a link only asks the kernel to detach it, some time later
needs(
  test,
  'root',
  'linux 6.18',
)('when an unpin is back, no program of the object is attached any more', () => {
  for (let i = 0; i < 20; i++) {
    const spec = openObject(fixture('counter'), { root })
    spec.variables.get('only_pid').set(process.pid)
    spec.upgrade().close()
    using bss = openMap(`${root}/counter/maps/:bss`)
    makeCalls(1)
    assert.ok((bss.get(0) as { entered: bigint }).entered >= 3n)
    using open = Root.find(root)
    assert.equal(open && unpinObject(open, 'counter')?.stillAttached, [])
    const before = bss.get(0)
    makeCalls(50)
    assert.equal(bss.get(0), before, `unpin ${i}`)
  }
})

test.run()
