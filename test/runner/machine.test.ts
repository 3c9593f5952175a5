import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { amd64 } from '../../scripts/vm/architectures.ts'
import { ranNowhere } from '../../scripts/vm/report.ts'
import { needs } from '../requirements.ts'

const runner = fileURLToPath(new URL('../run.mjs', import.meta.url))
const hook = new URL('../ts-hook.mjs', import.meta.url).href
const traps = fileURLToPath(new URL('./traps', import.meta.url))
const inKernel = needs(test, 'root', 'unshare')

/** The runner as a virtual machine has it, and as it is here. */
function run(args: string[], env: Record<string, string>): { status: number | null; text: string } {
  const all = ['--import', hook, runner, '--dir', traps, ...args]
  const { status, stdout } = spawnSync(process.execPath, all, {
    encoding: 'utf8',
    env: { ...process.env, CI: 'true', ...env },
  })
  return { status, text: stdout.trimEnd() }
}

inKernel('a test for a later kernel is no skip in a machine, but counted and reported', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-report-'))
  const report = join(scratch, 'report')
  const { status, text } = run(['later', '--report', report], { BPFPIN_MACHINE: '6.1.0' })
  assert.is(status, 0)
  assert.match(text, /later\.kernel\.test\.ts {2}1 passed, 1 for a later kernel/)
  assert.match(text, /^1 tests are for a later kernel than this one\n1 passed, 0 failed, 0 skipped$/m)
  const records = readFileSync(report, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(records[0].elsewhere, [{ name: 'is for a kernel to come', needs: ['linux 99.1'] }])
  assert.equal(records.at(-1), { end: true })
  rmSync(scratch, { recursive: true })
})

inKernel('outside of a machine it is a skip, which CI must not do', () => {
  const { status, text } = run(['later'], {})
  assert.is(status, 1)
  assert.match(text, /skipped, which CI must not do: "is for a kernel to come" needs linux 99\.1/)
})

inKernel('a file for machines runs there and nowhere else', () => {
  assert.match(run(['inside'], { BPFPIN_MACHINE: '6.1.0' }).text, /1 passed, 0 failed, 0 skipped$/)
  assert.match(run(['inside'], {}).text, /0 passed, 1 failed, 0 skipped$/)
})

inKernel('what needs no kernel is not run in a machine', () => {
  const { text } = run(['good'], { BPFPIN_MACHINE: '6.1.0' })
  assert.match(text, /no file \*\.test\.ts .* for: good/)
})

test('a test that no kernel is new enough for is a failure', () => {
  const machine = (release: string, filters: string[] = []) => ({
    name: '',
    architecture: amd64,
    release,
    image: '',
    modules: '',
    config: '',
    filters,
  })
  const file = (name: string, need: string) => ({
    file: name,
    passed: 0,
    failures: [],
    skips: [],
    elsewhere: [{ name: 'a test', needs: [need] }],
  })
  const both = [machine('6.1.0-56-cloud-amd64'), machine('6.12.117+deb12-cloud-amd64')]
  assert.equal(ranNowhere(both, [file('a.vm.kernel.test.ts', 'linux 6.12')]), [])
  assert.equal(ranNowhere(both, [file('a.vm.kernel.test.ts', 'linux 6.13')]), [
    'a.vm.kernel.test.ts: "a test" needs linux 6.13, which none of the kernels is',
  ])
  // one that ran a few files has not run this one
  assert.is(
    ranNowhere([both[0]!, machine('6.12.1', ['smoke'])], [file('a.vm.kernel.test.ts', 'linux 6.12')]).length,
    1,
  )
  // each machine says so, and it is one problem
  const unknown = file('a.kernel.test.ts', 'linux 99.1')
  assert.is(ranNowhere(both, [unknown, unknown]).length, 1)
})

test.run()
