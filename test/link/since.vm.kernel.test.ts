// What a kernel lacks is refused, with the first that has it.
import { mkdirSync, rmdirSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, openObject, type Target } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { isAtLeast, needs } from '../requirements.ts'

const cgroup = `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-since-${process.pid}`
test.before(() => mkdirSync(cgroup))
test.after(() => rmdirSync(cgroup))

const table: readonly [since: string, object: string, program: string, target: Target][] = [
  ['6.6', 'link-net', 'on_ingress', { interface: 'lo' }],
  ['6.10', 'link-sock', 'on_message', { map: 'sockets' }],
  ['6.15', 'link-cgroup', 'on_one', { cgroup, preorder: true }],
  ['6.17', 'link-cgroup', 'on_one', { cgroup, before: 'all' }],
  ['6.17', 'link-cgroup', 'on_bind', { cgroup, revision: 1 }],
]

for (const [since, file, program, target] of table) {
  // the order of a cgroup was taken into 6.12, after its first releases
  const has = isAtLeast(release(), `linux ${'cgroup' in target ? '6.12' : since}`)
  const what = `${file} ${program} ${JSON.stringify({ ...target, ...('cgroup' in target ? { cgroup: '...' } : {}) })}`
  needs(test, 'root')(`${what} is attached from Linux ${since} on, and before refused with that`, () => {
    const spec = openObject(fixture(file))
    for (const one of spec.programs) one.autoload = one.name === program
    spec.programs.get(program).target = target
    using object = spec.load()
    if (has) return object.attach()
    try {
      object.attach()
    } catch (error) {
      assert.instance(error, BpfError)
      assert.match(String((error as BpfError).hint), `this needs Linux ${since}, and this is ${release()}`)
      return
    }
    assert.unreachable('it was attached')
  })
}

test.run()
