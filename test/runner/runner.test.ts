import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'

const runner = fileURLToPath(new URL('../run.mjs', import.meta.url))
const hook = new URL('../ts-hook.mjs', import.meta.url).href
const traps = fileURLToPath(new URL('./traps', import.meta.url))

function run(args: string[], env: Record<string, string> = {}): { status: number | null; lines: string[] } {
  const all = ['--import', hook, '--enable-source-maps', runner, '--dir', traps, ...args]
  const { status, stdout } = spawnSync(process.execPath, all, {
    encoding: 'utf8',
    env: { ...process.env, CI: '', ...env },
  })
  return { status, lines: stdout.trimEnd().split('\n') }
}

/** What is printed of one file: its line, and what is indented below. */
function about(lines: string[], name: string): string {
  const start = lines.findIndex(line => line.includes(`traps/${name}.`))
  const length = lines.slice(start + 1).findIndex(line => !line.startsWith('     '))
  return lines.slice(start, start + 1 + length).join('\n')
}

// on a busy system a process takes seconds to start
const all = run(['--timeout', '10'])

const expected: Record<string, readonly RegExp[]> = {
  fails: [/"shapes: is equal"/, /Actual:\s+--··"a":·1/, /fails\.test\.ts:7:10/, /FAIL.* 1 passed/],
  'before-throws': [/"before"/, /no disk/],
  'after-throws': [/"after"/, /cannot clean up/],
  'after-each-throws': [/the first failure/, /cannot tidy/],
  'throws-text': [/threw 'just text', which is not an Error/, /FAIL.* 1 passed/],
  'rejects-nothing': [/threw undefined, which is not an Error/],
  'never-run': [/1 test\(s\) never ran/],
  empty: [/no tests in this file/],
  'runs-dry': [/ended early in "waits for nothing": exit code 13/],
  hangs: [/killed after 10 s in "spins"/],
  exits: [/ended early in "leaves early": exit code 0/],
  dies: [/ended early in "crashes": SIGSEGV/],
  unhandled: [/ended early in "forgets a rejection": exit code 1/, /nobody saw/],
  'skips-silently': [/1 test\(s\) skipped without a reason/],
  only: [/1 test\(s\) skipped without a reason/],
  'does-not-load': [/no-such-file/],
  'keeps-running': [/still running after its last test: .*Timeout/],
  leaks: [/leaked descriptors: \d+ -> \/proc\/\d+\/status/],
}

for (const [name, patterns] of Object.entries(expected)) {
  test(`${name}: the file fails and says why`, () => {
    const text = about(all.lines, name)
    assert.match(text, /^FAIL/)
    for (const pattern of patterns) assert.match(text, pattern)
  })
}

needs(
  test,
  'root',
  'unshare',
)('litters: a pin or directory that is left on bpffs is a failure', () => {
  assert.match(about(all.lines, 'litters'), /^FAIL.*\n\s+left on bpffs: left-over$/m)
})

test('a good file passes beside bad ones', () => {
  assert.match(about(all.lines, 'good'), /^ ok .* 2 passed/)
})

test('a skip says why, and counts', () => {
  assert.match(about(all.lines, 'skips'), /"needs what is not there" needs no-such-command$/m)
  assert.match(about(all.lines, 'skips'), /^ ok .* 1 passed, 1 skipped/)
})

test('the last line counts, and a failure is exit code 1', () => {
  assert.match(all.lines.at(-1)!, /^\d+ passed, \d\d failed, [12] skipped$/)
  assert.is(all.status, 1)
})

test('a run in which all passes is exit code 0', () => {
  assert.equal(run(['traps/good']).lines.at(-1), '2 passed, 0 failed, 0 skipped')
  assert.is(run(['traps/good']).status, 0)
})

test('a skip is a failure where CI is true', () => {
  const { status, lines } = run(['traps/skips.'], { CI: 'true' })
  assert.is(status, 1)
  assert.is(lines.at(-1), '1 passed, 1 failed, 0 skipped')
})

test('a run without any test file fails', () => {
  const { status, lines } = run(['no-such-test'])
  assert.is(status, 1)
  assert.is(lines.at(-1), '0 passed, 1 failed, 0 skipped')
})

test('a wrong option of the runner fails, with the count', () => {
  for (const wrong of [['--nonsense'], ['--timeout', 'long']]) {
    const { status, lines } = run(wrong)
    assert.is(status, 1)
    assert.is(lines.at(-1), '0 passed, 1 failed, 0 skipped')
  }
})

test('--help runs no test, and counts none', () => {
  const { status, lines } = run(['--help'])
  assert.is(status, 0)
  assert.match(lines.join('\n'), /^Usage: .*--timeout SEC/s)
  assert.not.match(lines.join('\n'), /\d passed/)
})

test.run()
