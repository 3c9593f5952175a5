import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { listObject, Root } from '../../src/pin/index.ts'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'
import { removeCgroup, scattered } from './scattered.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

const script = await bundled(new URL('./killed.ts', import.meta.url))

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

/** Runs a process that is killed after a step; `false` if it came to its end. */
function killedAfter(what: string, step: number): boolean {
  const child = spawnSync(process.execPath, [...script, what, root, String(step)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (child.signal !== 'SIGKILL') assert.is(child.status, 0)
  return child.signal === 'SIGKILL'
}

/** What a reader finds: nothing, or an object of which every pin is there. */
function seen(): 'nothing' | 'all' {
  using open = Root.find(root)
  const object = open && listObject(open, 'links')
  if (!object) return 'nothing'
  assert.equal(object.problems, [])
  assert.equal([object.maps.length, object.programs.length, object.links.length], [2, 6, 3])
  return 'all'
}

needs(test, 'root')(
  'a pin that is killed after any step leaves nothing or everything, and the next one succeeds',
  () => {
    const outcomes: string[] = []
    for (let step = 1; killedAfter('pin', step); step++) {
      outcomes.push(seen())
      using again = scattered(root).upgrade()
      assert.is(seen(), 'all')
      assert.is(again.links.size, 3)
      assert.not(
        tree().some(name => name.includes('~next')),
        tree().join(' '),
      )
      again.unpin()
      assert.equal(tree(), [], `step ${step}`)
    }
    // a draft, four directories, 11 pins, the manifest, the end of the draft; and only the last step shows the object
    assert.equal(outcomes, [...new Array(18).fill('nothing'), 'all'])
    using whole = scattered(root).upgrade()
    whole.unpin()
  },
)

needs(test, 'root')(
  'an unpin that is killed after any step shows nothing any more, and the next call finishes it',
  () => {
    let steps = 0
    for (; killedAfter('unpin', steps + 1); steps++) {
      assert.is(seen(), 'nothing', `step ${steps + 1}`)
      using again = scattered(root).upgrade()
      assert.is(seen(), 'all')
      again.unpin()
      assert.equal(tree(), [], `step ${steps + 1}`)
    }
    assert.ok(steps > 15, `${steps} steps`)
  },
)

test.after(removeCgroup)

test.run()
