import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toolInMachines } from '../../scripts/vm/tool.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [toolInMachines, '--root', root, ...args], {
    encoding: 'utf8',
    cwd: '/',
  })
}

needs(test, 'root')(
  'a tool that was made in one file for this processor loads, streams, pins, and finds again',
  () => {
    assert.not.ok(existsSync('/opt/node_modules'))
    assert.not.ok(existsSync('/node_modules'))
    const first = run('--count', '1')
    assert.is(first.status, 0, first.stderr)
    assert.match(first.stdout, /^\d+ programs before\n\d+ [1-9]\d* USER_(?:ROOT|OTHER) .+\n$/)
    assert.equal(readdirSync(`${root}/execs/links`), ['on_exec'])
    // each process takes seconds here, and this one finds what the other pinned
    const removed = run('--remove')
    assert.is(removed.status, 0, removed.stderr)
    assert.equal(readdirSync(root), [])
  },
)

test.run()
