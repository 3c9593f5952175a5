import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { bundled } from '../bundled.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root', 'linux 6.1')
const root = process.env.BPFPIN_TEST_ROOT ?? ''

interface Forgotten {
  readonly before: unknown
  readonly opened: number
  readonly after: unknown
  readonly warnings: readonly (readonly [code: string, message: string])[]
  readonly size?: number
}

async function forget(what: string): Promise<Forgotten> {
  const script = await bundled(new URL('./forgotten.ts', import.meta.url))
  const args = ['--expose-gc', ...script, root, what]
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  )
}

onKernel('what nobody closed is closed when it is collected, which is said once', async () => {
  const spec = openObject(fixture('events'), { root })
  spec.programs.get('write_samples').autoattach = false
  using object = spec.upgrade()
  const all = {
    object: "object 'events'",
    pinned: "object 'events'",
    openMap: "map 'events'",
    duplicate: "map 'events'",
  }
  for (const [what, name] of Object.entries({
    ...all,
    reader: 'the reader or',
    statistics: 'the counting of runs',
  })) {
    const { before, opened, after, warnings } = await forget(what)
    assert.ok(opened > 0, what)
    assert.equal(after, before, what)
    assert.is(warnings.length, 1, what)
    assert.is(warnings[0]?.[0], 'BPFPIN_NOT_CLOSED')
    if (!['reader', 'object', 'pinned'].includes(what)) assert.match(warnings[0]![1], name)
  }
  object.unpin()
})

onKernel('a map that somebody has stays open when its object is forgotten', async () => {
  const { before, after, size } = await forget('map')
  assert.is(size, 65_536)
  assert.equal(after, before)
})

onKernel('nothing is said of what was closed', async () => {
  const spec = openObject(fixture('events'), { root })
  spec.programs.get('write_samples').autoattach = false
  using object = spec.upgrade()
  const { before, after, warnings } = await forget('closed')
  assert.equal(warnings, [])
  assert.equal(after, before)
  object.unpin()
})

test.run()
