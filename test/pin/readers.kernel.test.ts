// Readers beside upgrades that another process does, of an object of which a part is pinned elsewhere.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned, type PinnedObject } from '../../src/index.ts'
import { repeated } from '../effort.ts'
import { needs } from '../requirements.ts'
import { Counted, root } from './state-killing.ts'

const upgrades = new URL('./state-upgrades.ts', import.meta.url).pathname

/** Everything of a generation that has an id. */
const idsOf = ({ maps, programs }: PinnedObject): string =>
  [...maps, ...programs]
    .map(({ name, id }) => `${name} ${id}`)
    .sort()
    .join()

needs(test, 'root')(
  'while an object is upgraded again and again, readers see one whole generation at any time',
  async () => {
    const times = repeated(50)
    const counted = new Counted()
    counted.install(1)
    const follower = openPinned('state', { root, readOnly: true, follow: true })
    const told: number[] = []
    const problems: unknown[] = []
    const known = new Map<number, string>()
    /** The same number always means the same maps and programs, and what was there is there. */
    const look = (object: PinnedObject): void => {
      const ids = idsOf(object)
      assert.is(known.get(object.generation) ?? ids, ids)
      known.set(object.generation, ids)
      assert.is(object.maps.get('by_name').get(3), 33n)
      assert.is(object.variables.get('kept_in_bss').get(), 0x1122_3344_5566n)
      const flow = object.maps.get('flows').get(3) as { packets: bigint; bytes: bigint; state: number }
      assert.equal([flow.packets, flow.bytes, flow.state], [3n, 0x1_0000_0003n, 103])
    }
    follower.on('generation', generation => {
      told.push(generation)
      look(follower)
    })
    follower.on('unpinned', () => problems.push('unpinned'))
    follower.on('error', error => problems.push(error))
    const args = [...process.execArgv, upgrades, root, String(process.pid), String(times)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    const ended = once(child, 'exit')
    let opened = 0
    for (; child.exitCode === null; opened++) {
      using reader = openPinned('state', { root, readOnly: true })
      look(reader)
      await setImmediate()
    }
    assert.equal((await ended)[0], 0)
    follower.refresh()
    assert.is(follower.generation, times + 1)
    look(follower)
    assert.equal(problems, [])
    assert.equal(
      told,
      [...new Set(told)].sort((a, b) => a - b),
    )
    assert.ok(told.length > times / 10, `${told.length} generations`)
    assert.ok(opened > times, `${opened} times`)
    // no program is of two generations
    const programs = [...known.values()].map(ids => /on_read (\d+)/.exec(ids)?.[1])
    assert.is(new Set(programs).size, known.size)
    follower.close()
    using object = counted.spec(times % 2 === 0 ? 1 : 2).loadPinned()
    object.unpin()
    counted.close()
  },
)

test.run()
