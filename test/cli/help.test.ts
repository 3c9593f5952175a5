import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { commands } from '../../src/cli/commands.ts'
import { bpfpin } from './bpfpin.ts'

test('--help shows every command and what the exit codes mean', () => {
  const { code, stdout, stderr } = bpfpin('--help')
  assert.is(code, 0)
  assert.is(stderr, '')
  for (const name of Object.keys(commands)) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
  assert.match(stdout, 'exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused')
})

for (const name of Object.keys(commands)) {
  test(`'bpfpin ${name} --help' shows its usage and its options, whatever else is wrong`, () => {
    const { code, stdout, stderr } = bpfpin(name, '--no-such-option', '--help')
    assert.is(code, 0)
    assert.is(stderr, '')
    assert.match(stdout, new RegExp(`^usage: bpfpin ${name} `))
    for (const option of ['--root DIR', '--json', '--help']) assert.match(stdout, option)
    const tooLong = stdout.split('\n').filter(line => line.length > 120)
    assert.equal(tooLong, [])
  })
}

test('--version prints the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.equal(bpfpin('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
})

test.run()
