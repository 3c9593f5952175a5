import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
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

needs(test, 'root')(
  'processes that pin and unpin one object at once see it whole or not at all',
  async () => {
    const counts = await Promise.all(Array.from({ length: processes }, churn))
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
