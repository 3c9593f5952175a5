// What BPF_PROG_LOAD is told of a program besides its instructions.
import { execFileSync } from 'node:child_process'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, programFlag, VerifierError } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { isAtLeast, needs } from '../requirements.ts'

const onKernel = needs(test, 'root')

/** Loads these programs of an object only. */
function loadOnly(object: string, ...names: string[]): BpfObject {
  const spec = openObject(fixture(object))
  for (const program of spec.programs) program.autoload = names.includes(program.name)
  return spec.load()
}

onKernel('what the verifier writes is there for programs that ask for it', () => {
  const spec = openObject(fixture('counter'))
  const names = [...spec.programs.names()]
  const [first = ''] = names
  const logOf = (level: number): string => {
    spec.programs.get(first).logLevel = level
    using object = spec.load()
    for (const name of names.slice(1)) assert.is(object.programs.get(name).verifierLog, '')
    return object.programs.get(first).verifierLog
  }
  assert.is(logOf(0), '')
  assert.match(logOf(1), /^processed \d+ insns /m)
  assert.match(logOf(2), /^\d+: \([0-9a-f]{2}\) .*R\d+/m)
  assert.match(logOf(4), /verification time \d+ usec/)
  assert.not.match(logOf(4), /^0: /m)
  assert.match(logOf(6), /verification time \d+ usec/)
})

onKernel('a log level that the kernel does not have is refused before it is asked', () => {
  for (const level of [-1, 8, 1.5, Number.NaN]) {
    const spec = openObject(fixture('counter'))
    for (const program of spec.programs) program.logLevel = level
    const error = failure(() => spec.load())
    assert.is(error.code, 'ERR_VALUE')
    assert.match(error.message, /its logLevel is .*, there are 0 to 7/)
  }
})

onKernel('flags that no section name asks for reach the kernel', () => {
  const spec = openObject(fixture('counter'))
  for (const program of spec.programs)
    program.flags |= programFlag.STRICT_ALIGNMENT | programFlag.TEST_RND_HI32
  spec.load().close()
  for (const program of spec.programs) program.flags = 1 << 30
  assert.is(failure(() => spec.load()).code, 'EINVAL')
})

needs(
  test,
  'root',
  'ip',
  'linux 6.3',
)('a program for one interface only is loaded for that of its target', () => {
  const ip = (command: string): Buffer => execFileSync('ip', command.split(' '))
  ip('link add bound type veth peer name bound_peer')
  try {
    const spec = openObject(fixture('context-tags'))
    for (const program of spec.programs) program.autoload = program.name === 'on_xdp'
    const program = spec.programs.get('on_xdp')
    program.flags |= programFlag.XDP_DEV_BOUND_ONLY
    const untold = failure(() => spec.load())
    assert.is(untold.code, 'ERR_NO_TARGET')
    program.target = { interface: 'bound' }
    using object = spec.load()
    object.attach()
    assert.match(
      ip('link show bound').toString(),
      new RegExp(`prog/xdp id ${object.programs.get('on_xdp').id}\\b`),
    )
    program.target = { interface: 'lo' }
    const error = failure(() => spec.load())
    assert.match(error.hint!, /driver tells programs nothing about packets/)
  } finally {
    ip('link del bound')
  }
})

needs(
  test,
  'root',
  'bpftool',
  'linux 6.7',
)(
  'a function that takes exceptions is part of the program, with what it calls, though nothing calls it',
  () => {
    using object = loadOnly('exceptions', 'with_handler', 'without')
    const functions = (name: string): string[] => {
      const dump = execFileSync('bpftool', [
        'prog',
        'dump',
        'xlated',
        'id',
        String(object.programs.get(name).id),
      ])
      return [...dump.toString().matchAll(/^\w[\w ]* \**(\w+)\(.*\):$/gm)].map(([, found = '']) => found)
    }
    assert.equal(functions('with_handler'), ['with_handler', 'shared', 'handler'])
    assert.equal(functions('without'), ['without'])
  },
)

needs(
  test,
  'root',
  'linux 6.7',
)('a function for exceptions that is not there, or is hidden, is the verifier to refuse', () => {
  for (const [name, reason] of [
    ['with_nobody', /exception callback 'nobody' could not be found in BTF/],
    ['with_hidden', /exception callback '\w+' must have global linkage/],
  ] as const) {
    const error = failure(() => loadOnly('exceptions', name))
    assert.instance(error, VerifierError)
    assert.match(error.message, reason)
  }
})

needs(
  test,
  'root',
  'linux 6.7',
)('what a program throws is taken by the function that its tag names', () => {
  using object = loadOnly('exceptions', 'throws')
  const run = (length: number): number =>
    object.programs.get('throws').run({ data: new Uint8Array(length) }).returnValue
  assert.is(run(64), 1)
  assert.is(object.variables.get('handled').get(), 0n)
  assert.is(run(200), 7)
  assert.is(object.variables.get('handled').get(), 200n)
})

if (!isAtLeast(release(), 'linux 6.19')) {
  onKernel('a program of a kind that came later is refused with that as the hint', () => {
    const spec = openObject(new URL('../parity/sections-later.bpf.o', import.meta.url).pathname)
    const later = [...spec.programs].filter(({ section }) =>
      /^(fsession|fentry\.multi|fexit\.multi|tp\.s|raw_tp\.s|tp_btf\.s)/.test(section),
    )
    assert.ok(later.length > 6)
    for (const program of later) {
      for (const other of spec.programs) other.autoload = other === program
      assert.match(failure(() => spec.load()).hint ?? '', /Linux 6.18/, program.section)
    }
  })
}

test.run()
