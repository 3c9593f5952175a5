import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, openPinned } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

function bpftool(...args: readonly string[]): unknown {
  return JSON.parse(execFileSync('bpftool', ['--json', ...args], { encoding: 'utf8' }))
}

needs(
  test,
  'root',
  'bpftool',
)(
  'names in letters that the kernel does not take stay ours, and in the kernel have a _ for each byte or letter',
  () => {
    using object = openObject(fixture('letters'), { root }).upgrade()
    const [map, program] = [object.maps.get('flüsse'), object.programs.get('lauf_größe')]
    map.set(1, { zähler: 5n, länge: 2, rest$: 7 })
    // 2 * 21 + 3
    assert.is(program.run({ context: new Uint8Array([21, 0, 0, 0]) }).returnValue, 45)
    assert.equal(map.get(1), { zähler: 6n, länge: 2, rest$: 7 })
    assert.is(object.variables.get('läufe').get(), 1n)
    using pinned = openPinned('letters', { root })
    assert.equal(pinned.maps.get('flüsse').get(1), { zähler: 6n, länge: 2, rest$: 7 })

    const shown = bpftool('map', 'dump', 'id', String(map.id)) as { formatted: unknown }[]
    assert.equal(
      shown.map(({ formatted }) => formatted),
      [{ key: 1, value: { z__hler: 6, l__nge: 2, rest_: 7 } }],
    )
    const name = (kind: string, id: number): string =>
      (bpftool(kind, 'show', 'id', String(id)) as { name: string }).name
    assert.equal([name('map', map.id), name('prog', program.id)], ['fl_sse', 'lauf_gr__e'])
    object.unpin()
  },
)

test.run()
