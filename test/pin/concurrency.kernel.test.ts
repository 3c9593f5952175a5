import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, openPinned } from '../../src/index.ts'
import { isEmulated, repeated } from '../effort.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

const processes = isEmulated ? 3 : 8
const times = repeated(200)

async function churn(): Promise<Record<string, number>> {
  const script = new URL('./churn.ts', import.meta.url).pathname
  const args = [...process.execArgv, script, fixture('dead-branch'), root, String(times)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await text(child.stdout))
}

// a function of its own: as esbuild 0.28 lowers it, `using` in a loop throws an earlier round's error once more
function look(): string {
  try {
    using object = openPinned('churn', { root, readOnly: true })
    return `${object.maps.size} maps, ${object.programs.size} programs`
  } catch (error) {
    return (error as BpfError).code === 'ERR_NOT_PINNED' ? 'absent' : String(error)
  }
}

/** What somebody sees who opens the object again and again, without a lock: how often each. */
async function read(isOver: () => boolean): Promise<Record<string, number>> {
  const views: Record<string, number> = {}
  while (!isOver()) {
    const view = look()
    views[view] = (views[view] ?? 0) + 1
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return views
}

needs(test, 'root')(
  'processes that pin and unpin one object at once see it whole or not at all',
  async () => {
    let isOver = false
    const reading = read(() => isOver)
    const counts = await Promise.all(Array.from({ length: processes }, churn))
    isOver = true
    const { absent = 0, ...views } = await reading
    assert.equal(Object.keys(views), ['2 maps, 1 programs'], JSON.stringify({ absent, ...views }))
    const sum: Record<string, number> = {}
    for (const one of counts) for (const [what, n] of Object.entries(one)) sum[what] = (sum[what] ?? 0) + n
    const { whole = 0, unpinned = 0, ...others } = sum
    assert.equal(others, {}, JSON.stringify(sum))
    assert.is(whole, processes * times)
    assert.ok(unpinned > 0)
    assert.equal(readdirSync(root), [])
  },
)

test.run()
