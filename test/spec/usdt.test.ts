// What notes of USDT probes say, and what programs are told of it. Offsets of registers are those of struct pt_regs, by the
// compiler; forms of arguments those of systemtap's documentation.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, ElfError } from '../../src/errors.ts'
import { parseUsdtArguments, type UsdtMachine } from '../../src/spec/usdt/arguments.ts'
import { decodeUsdtNotes } from '../../src/spec/usdt/notes.ts'
import { encodeUsdtSpec } from '../../src/spec/usdt/spec.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
const text = (value: string): string => Buffer.from(value, 'latin1').toString('hex')

/** A note as the linker leaves it. */
function note(strings: string, owner = 'stapsdt\0', type = 3): string {
  const description = `4011000000000000 3040000000000000 1060000000000000 ${text(strings)}`.replaceAll(
    ' ',
    '',
  )
  const size = description.length / 2
  const word = (value: number): string => value.toString(16).padStart(2, '0').padEnd(8, '0')
  return word(owner.length) + word(size) + word(type) + pad(text(owner)) + pad(description)
}

const pad = (hex: string): string => hex.padEnd(Math.ceil(hex.length / 8) * 8, '0')
const notesIn = (hex: string, alignment = 4) => [...decodeUsdtNotes(bytes(hex), alignment, 'a.out')]

const addresses = { location: 0x1140, base: 0x4030, semaphore: 0x6010 }

test('a note names its probe, where it is, and where its arguments are', () => {
  assert.equal(notesIn(note('app\0start\0-4@%edi 8@-24(%rbp)\0') + note('app\0stop\0\0')), [
    { provider: 'app', name: 'start', arguments: '-4@%edi 8@-24(%rbp)', ...addresses },
    { provider: 'app', name: 'stop', arguments: '', ...addresses },
  ])
})

test('what follows a colon is no argument', () => {
  assert.is(notesIn(note('app\0start\0:\0'))[0]?.arguments, '')
})

test('notes of others, and of other kinds, are passed over', () => {
  const others = note('x\0y\0\0', 'GNU\0') + note('x\0y\0\0', 'stapsdt\0', 4)
  assert.equal(
    notesIn(others + note('app\0start\0\0')).map(({ name }) => name),
    ['start'],
  )
})

test('a section that ends within a note is refused, wherever that is', () => {
  const whole = bytes(note('app\0start\0-4@%r10d\0\0'))
  for (let length = 1; length < whole.length; length++) {
    const cut = whole.subarray(0, length)
    assert.throws(
      () => [...decodeUsdtNotes(cut, 4, 'a.out')],
      (error: unknown) => error instanceof ElfError && error.message.startsWith('a.out/note at 0'),
    )
  }
})

test('a note whose size is more than there is does not make anything read beyond it', () => {
  const huge = `08000000 ffffffff 03000000 ${text('stapsdt\0')}`
  assert.match(failure(() => notesIn(huge)).message, 'has 4294967295 bytes')
  assert.match(
    failure(() => notesIn(`ffffffff 00000000 03000000 ${text('stapsdt\0')}`)).message,
    'in its section',
  )
})

for (const [strings, problem] of [
  ['app', 'its provider does not end'],
  ['app\0start', 'its name does not end'],
  ['app\0\0\0', 'empty name'],
  ['app\0start\0-4@%edi', 'its arguments does not end'],
] as const) {
  test(`a note with ${JSON.stringify(strings)} is refused`, () => {
    assert.match(failure(() => notesIn(note(strings))).message, problem)
  })
}

const parsed = (arguments_: string, machine: UsdtMachine = 'x86-64') =>
  parseUsdtArguments(arguments_, machine, 'testing')

// struct pt_regs of x86-64: r15 is first; rax at 80, rdx at 96, rbp at 32, rsp at 152
const forms: readonly (readonly [text: string, machine: UsdtMachine, expected: unknown])[] = [
  ['4@%eax', 'x86-64', { kind: 'register', register: 80, size: 4, isSigned: false }],
  ['-8@%r15', 'x86-64', { kind: 'register', register: 0, size: 8, isSigned: true }],
  ['-1@%sil', 'x86-64', { kind: 'register', register: 104, size: 1, isSigned: true }],
  ['2@%r8w', 'x86-64', { kind: 'register', register: 72, size: 2, isSigned: false }],
  ['8@%rip', 'x86-64', { kind: 'register', register: 128, size: 8, isSigned: false }],
  ['-4@$-9', 'x86-64', { kind: 'constant', value: 2n ** 64n - 9n, size: 4, isSigned: true }],
  ['4@$71', 'x86-64', { kind: 'constant', value: 71n, size: 4, isSigned: false }],
  [
    '-4@-1204(%rbp)',
    'x86-64',
    { kind: 'memory', register: 32, offset: 2n ** 64n - 1204n, size: 4, isSigned: true },
  ],
  ['8@(%rsp)', 'x86-64', { kind: 'memory', register: 152, offset: 0n, size: 8, isSigned: false }],
  [
    '1@-96(%rbp,%rax,8)',
    'x86-64',
    { kind: 'indexed', register: 32, offset: 2n ** 64n - 96n, index: 80, shift: 3, size: 1, isSigned: false },
  ],
  [
    '-4@(%rax,%rdx,4)',
    'x86-64',
    { kind: 'indexed', register: 80, offset: 0n, index: 96, shift: 2, size: 4, isSigned: true },
  ],
  [
    '2@(%rbp,%rax)',
    'x86-64',
    { kind: 'indexed', register: 32, offset: 0n, index: 80, shift: 0, size: 2, isSigned: false },
  ],
  ['-4@x30', 'arm64', { kind: 'register', register: 240, size: 4, isSigned: true }],
  ['8@sp', 'arm64', { kind: 'register', register: 248, size: 8, isSigned: false }],
  ['-4@[sp, 96]', 'arm64', { kind: 'memory', register: 248, offset: 96n, size: 4, isSigned: true }],
  [
    '-4@[x29,-8]',
    'arm64',
    { kind: 'memory', register: 232, offset: 2n ** 64n - 8n, size: 4, isSigned: true },
  ],
  ['8@[x0]', 'arm64', { kind: 'memory', register: 0, offset: 0n, size: 8, isSigned: false }],
  ['-4@-5', 'arm64', { kind: 'constant', value: 2n ** 64n - 5n, size: 4, isSigned: true }],
]

for (const [arguments_, machine, expected] of forms) {
  test(`${arguments_} is understood on ${machine}, between others too`, () => {
    assert.equal(parsed(arguments_, machine), [expected])
    assert.equal(parsed(` ${arguments_} ${arguments_}  ${arguments_} `, machine), [
      expected,
      expected,
      expected,
    ])
  })
}

needs(test, 'gcc')(
  'registers are where the compiler has them in struct pt_regs, by each of their names',
  () => {
    if (process.arch !== 'x64') return
    const legacy = ['a', 'b', 'c', 'd'].map(name => [`r${name}x`, `e${name}x`, `${name}x`, `${name}l`])
    const pointers = ['si', 'di', 'bp', 'sp'].map(name => [`r${name}`, `e${name}`, name, `${name}l`])
    const numbered = [8, 9, 10, 11, 12, 13, 14, 15].map(i => [`r${i}`, `r${i}d`, `r${i}w`, `r${i}b`])
    const registers = [...legacy, ...pointers, ...numbered, ['rip', 'eip']]
    const printed = registers.map(([name]) => `printf("%zu\\n", offsetof(struct pt_regs, ${name}));`)
    const headers = ['stddef.h', 'stdio.h', 'asm/ptrace.h'].map(name => `#include <${name}>\n`)
    const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-registers-'))
    const program = join(scratch, 'offsets')
    execFileSync('gcc', ['-x', 'c', '-o', program, '-'], {
      input: `${headers.join('')} int main(void) { ${printed.join('\n')} }`,
    })
    const offsets = execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number)
    rmSync(scratch, { recursive: true })
    for (const [i, all] of registers.entries()) {
      for (const name of all) {
        assert.equal(parsed(`8@%${name}`)[0], {
          kind: 'register',
          register: offsets[i],
          size: 8,
          isSigned: false,
        })
      }
    }
  },
)

const refused: readonly (readonly [text: string, machine: UsdtMachine, problem: string])[] = [
  ['8f@%xmm0', 'x86-64', 'floating-point'],
  ['4@%xmm0', 'x86-64', "register 'xmm0'"],
  ['3@%eax', 'x86-64', 'has 3 bytes'],
  ['4@%eax 16@%rax', 'x86-64', 'argument 2'],
  ['4@counter(%rip)', 'x86-64', 'no place that can be read'],
  ['4@(%rax,%rdx,3)', 'x86-64', 'times 3'],
  ['4@(,%rdx,8)', 'x86-64', 'no place'],
  ['4@x0', 'x86-64', 'no place'],
  ['4@-8(%rbp', 'x86-64', 'no place'],
  ['eax', 'x86-64', 'does not say its size'],
  ['4@w0', 'arm64', "register 'w0'"],
  ['4@x31', 'arm64', "register 'x31'"],
  ['4@[x0, x1]', 'arm64', 'no place'],
  ['4@%eax', 'arm64', 'no place'],
  [Array(13).fill('4@%eax').join(' '), 'x86-64', 'more than 12 arguments'],
  [' '.repeat(5000), 'x86-64', '5000 characters'],
]

for (const [arguments_, machine, problem] of refused) {
  test(`${arguments_.trim().slice(0, 24) || 'a long text'} is refused on ${machine}`, () => {
    const error = failure(() => parsed(arguments_, machine))
    assert.instance(error, BpfError)
    assert.match(error.message, problem)
    assert.is((error as BpfError).code, 'ERR_UNSUPPORTED') // it is one
  })
}

const all = '-4@$-9 1@%al -2@-16(%rbp) 8@32(%rax,%rdx,8)'

test('what a program is told of a place has the layout of its usdt.bpf.h: the first one', () => {
  const spec = encodeUsdtSpec(parsed(all), 0x1122334455667788n, 208)
  const argument = (index: number): string =>
    Buffer.from(spec.subarray(index * 16, index * 16 + 16)).toString('hex')
  // value, kind, index and scale, register, sign, bits to clear
  assert.is(argument(0), 'f7ffffffffffffff 00 0000 00 0000 01 20'.replaceAll(' ', ''))
  assert.is(argument(1), '0000000000000000 01 0000 00 5000 00 38'.replaceAll(' ', ''))
  assert.is(argument(2), 'f0ffffffffffffff 02 0000 00 2000 01 30'.replaceAll(' ', ''))
  // index at 96 (0x060) in the lower 12 bits, scale 2^3 in the upper 4
  assert.is(argument(3), '2000000000000000 03 6030 00 5000 00 00'.replaceAll(' ', ''))
  assert.is(Buffer.from(spec.subarray(192)).toString('hex'), '88776655443322110400000000000000')
})

// bpftool btf dump of an object that was compiled with it: idx_reg_off at bit 80, reg_off at 112, arg_signed at 128
test('what a program is told of a place has the layout of its usdt.bpf.h: the one with indexes', () => {
  const spec = encodeUsdtSpec(parsed(all), 0x1122334455667788n, 304)
  const argument = (index: number): string =>
    Buffer.from(spec.subarray(index * 24, index * 24 + 24)).toString('hex')
  assert.is(argument(0), 'f7ffffffffffffff 00 00 0000 0000 0000 01 20 000000000000'.replaceAll(' ', ''))
  assert.is(argument(1), '0000000000000000 01 00 0000 0000 5000 00 38 000000000000'.replaceAll(' ', ''))
  assert.is(argument(2), 'f0ffffffffffffff 02 00 0000 0000 2000 01 30 000000000000'.replaceAll(' ', ''))
  assert.is(argument(3), '2000000000000000 03 00 6030 0000 5000 00 00 000000000000'.replaceAll(' ', ''))
  assert.is(Buffer.from(spec.subarray(288)).toString('hex'), '88776655443322110400000000000000')
})

test('nothing that is told of a place is all zero, which is what a free slot is', () => {
  for (const size of [208, 304]) {
    const none = encodeUsdtSpec([], 0n, size)
    assert.ok(none.some(byte => byte !== 0))
    // what programs look at: the cookie and the number of arguments
    assert.ok(none.subarray(size - 16).every(byte => byte === 0))
  }
})

test.run()
