import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readRequest } from '../../src/cli/command-line.ts'
import { declared } from '../../src/cli/declarations.ts'
import type { BpfError } from '../../src/errors.ts'
import { bpfpin } from './bpfpin.ts'

const refusal = async (name: string, ...args: string[]): Promise<string> => {
  const command = (await declared(name))!
  try {
    readRequest(command, args)
  } catch (error) {
    assert.is((error as BpfError).code, 'ERR_USAGE')
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

const request = async (name: string, ...args: string[]) => readRequest((await declared(name))!, args)

for (const [name, args, message] of [
  ['ls', ['--rot', '/x'], "ls: there is no option '--rot'; did you mean '--root'?"],
  ['pin', ['x.o', '--nmae', 'y'], "pin: there is no option '--nmae'; did you mean '--name' or '--map'?"],
  ['ls', ['-x'], "ls: there is no option '-x'"],
  ['unpin', ['x', '--verbose'], "unpin: there is no option '--verbose'"],
  ['ls', ['--root'], "ls: option '--root' needs DIR behind it"],
  ['ls', ['--root='], "ls: option '--root' needs DIR behind it"],
  [
    'pin',
    ['x.o', '--name', '--json'],
    "pin: option '--name' needs NAME behind it, and '--json' looks like an option",
  ],
  ['ls', ['--json=yes'], "ls: option '--json' takes no value"],
  ['pin', [], 'pin: OBJECT is missing'],
  ['unpin', ['--json'], 'unpin: NAME|PATH is missing'],
  ['dump', [], 'dump: MAP-PATH is missing'],
  ['inspect', ['a.o', 'b.o'], "inspect: 'b.o' is too much"],
  ['ls', ['a', 'b'], "ls: 'b' is too much"],
  ['dump', [''], 'dump: an empty name says nothing'],
  ['ls', ['--constructor'], "ls: there is no option '--constructor'"],
] as const) {
  test(`'bpfpin ${[name, ...args].join(' ')}' is wrong usage, and the message says why`, async () => {
    assert.is(await refusal(name, ...args), message)
  })
}

test('options stand before or behind the operand, with a blank or =', async () => {
  const expected = { operands: ['x.o'], options: { root: '/r', json: true }, repeated: {}, root: '/r' }
  assert.equal(await request('pin', '--root', '/r', '--json', 'x.o'), expected)
  assert.equal(await request('pin', 'x.o', '--json', '--root=/r'), expected)
})

test('an option that may be repeated keeps each value', async () => {
  const { repeated } = await request('pin', 'x.o', '--attach', 'a=eth0', '--attach=b=-1')
  assert.equal(repeated, { attach: ['a=eth0', 'b=-1'] })
})

test('a negative number is an operand', async () => {
  assert.equal((await request('set', 'x', 'map', '-5', '-0x10', '--json')).operands, [
    'x',
    'map',
    '-5',
    '-0x10',
  ])
})

test('values that are operands may be empty, names may not', async () => {
  assert.equal((await request('set', 'x', 'map', '', '')).operands, ['x', 'map', '', ''])
  assert.is(await refusal('set', '', 'a=1'), 'set: an empty name says nothing')
  assert.is(await refusal('set', 'x'), 'set: VARIABLE=VALUE | MAP KEY VALUE is missing')
})

test('behind -- everything is an operand', async () => {
  assert.equal((await request('pin', '--', '--json')).operands, ['--json'])
})

test('a root is made absolute, and is /sys/fs/bpf if none is given', async () => {
  assert.is((await request('ls')).root, '/sys/fs/bpf')
  assert.is((await request('ls', '--root', 'some/where/')).root, `${process.cwd()}/some/where`)
})

test('wrong usage ends with exit code 2, two lines on stderr and nothing on stdout', () => {
  assert.equal(bpfpin('pni', 'x.o'), {
    code: 2,
    stdout: '',
    stderr:
      "bpfpin: there is no command 'pni'; did you mean 'pin'?\n  bpfpin --help shows what is possible\n",
  })
  const { code, stdout, stderr } = bpfpin('pin')
  assert.is(code, 2)
  assert.is(stdout, '')
  assert.is(stderr, 'bpfpin: pin: OBJECT is missing\n  bpfpin pin --help shows what is possible\n')
})

test('an option in front of the command is wrong usage', () => {
  const { code, stderr } = bpfpin('--json', 'ls')
  assert.is(code, 2)
  assert.match(stderr, "'--json' stands where the command should")
})

test('no command at all is wrong usage, and shows help', () => {
  const { code, stdout, stderr } = bpfpin()
  assert.is(code, 2)
  assert.is(stdout, '')
  assert.match(stderr, 'usage: bpfpin COMMAND')
})

test('with --json wrong usage is a document, too', () => {
  const { code, stdout } = bpfpin('ls', '--rot', '--json')
  assert.is(code, 2)
  assert.equal(JSON.parse(stdout), {
    error: {
      code: 'ERR_USAGE',
      message: "ls: there is no option '--rot'; did you mean '--root'?",
      hint: 'bpfpin ls --help shows what is possible',
    },
  })
})

test.run()
