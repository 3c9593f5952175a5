import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFailure } from '../../src/cli/failure.ts'
import { BpfError, ElfError, VerifierError } from '../../src/errors.ts'
import { PinMismatchError } from '../../src/plan/verdict.ts'

const attempt = { purpose: "pin 'x.o'", advice: { ERR_ELF: 'compile it' }, verbose: false }

test('an error is told in three lines: what, why, what to do', () => {
  const error = new BpfError("loading program 'p': EPERM: operation not permitted, bpf(BPF_PROG_LOAD)", {
    code: 'EPERM',
    errno: 1,
    syscall: 'bpf(BPF_PROG_LOAD)',
    hint: 'be root',
  })
  assert.equal(describeFailure(error, attempt), {
    lines: ["cannot pin 'x.o'", error.message, 'be root'],
    document: {
      code: 'EPERM',
      message: error.message,
      hint: 'be root',
      errno: 1,
      syscall: 'bpf(BPF_PROG_LOAD)',
      path: undefined,
    },
    exitCode: 1,
  })
})

test('an error without a hint gets the advice of the command', () => {
  const { lines, document } = describeFailure(new ElfError('ELF header', 'is not there'), attempt)
  assert.equal(lines, ["cannot pin 'x.o'", 'ELF header: is not there', 'compile it'])
  assert.is(document.hint, 'compile it')
  assert.is(document.where, 'ELF header')
})

test('a refusal names every map with both sides, and has exit code 3', () => {
  const error = new PinMismatchError('counter', '/sys/fs/bpf/counter', [
    {
      kind: 'map',
      name: 'flows',
      path: '/sys/fs/bpf/counter/maps/flows',
      verdict: 'incompatible',
      reasons: [
        { field: 'valueSize', wanted: '40', pinned: '32' },
        { field: 'maxEntries', wanted: '8', pinned: '4' },
      ],
    },
    { kind: 'program', name: 'on_exit', verdict: 'gone' },
  ])
  const { lines, document, exitCode } = describeFailure(error, attempt)
  assert.is(exitCode, 3)
  assert.equal(lines.slice(0, 3), [
    "cannot pin 'x.o'",
    "map 'flows': value size 32 is pinned, the object asks for 40; max_entries 4 is pinned, the object asks for 8",
    "program 'on_exit' is pinned, the object has none of that name",
  ])
  assert.equal(document.verdicts, error.verdicts)
})

const log = Array.from({ length: 40 }, (_, i) => `${i}: (b7) r0 = ${i}`).join('\n')

test('of a verifier log the end is shown, unless all of it is wanted', () => {
  const error = new VerifierError('p', 'R0 invalid mem access at 7', `${log}\n`)
  const { lines } = describeFailure(error, attempt)
  assert.equal(lines.slice(1, 4), [
    "program 'p' was refused by the verifier: R0 invalid mem access at 7",
    'the last 12 of 40 lines of its log; --verbose shows all',
    '| 28: (b7) r0 = 28',
  ])
  assert.is(lines.length, 3 + 12)
  assert.is(describeFailure(error, { ...attempt, verbose: true }).lines.length, 2 + 40)
  assert.is(describeFailure(error, attempt).document.log, `${log}\n`)
})

test('what was not thrown on purpose is called a bug, with its stack', () => {
  const { lines, exitCode, document } = describeFailure(new TypeError('x is not a function'), attempt)
  assert.is(exitCode, 1)
  assert.match(lines[1]!, /^this is a bug in bpfpin: TypeError: x is not a function\n +at /)
  assert.equal(document, { code: 'ERR_INTERNAL', message: 'x is not a function' })
})

test.run()
