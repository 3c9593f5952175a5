// Programs that take the place of a function in another, or trace one.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type ProgramTarget } from '../../src/index.ts'
import { progTestRun } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

/** The program that is replaced, pinned. */
function pinned(): BpfObject {
  const object = openObject(fixture('link-replaced'), { root }).load()
  object.pin()
  return object
}

/** What replaces, loaded for a target. */
function loadFor(target?: ProgramTarget): BpfObject {
  const spec = openObject(fixture('link-replace'), { root })
  spec.programs.get('decide_better').target = target
  return spec.load()
}

/** Sends packets through the program that is replaced: how many each function saw. */
function run(object: BpfObject, by: BpfObject): [replaced: bigint, original: bigint] {
  const counts = (): [bigint, bigint] =>
    // both are u64
    [by.variables.get('replaced').get() as bigint, object.variables.get('decided').get() as bigint]
  const before = counts()
  const { result } = progTestRun(object.programs.get('on_packet').fd, {
    dataIn: new Uint8Array(64),
    repeat: 10,
  })
  assert.is(result, 0)
  const after = counts()
  return [after[0] - before[0], after[1] - before[1]]
}

onKernel('a function is replaced while a link is there, or a pin of it', () => {
  using object = pinned()
  const target = { program: `${object.pinPath}/programs/on_packet` }
  const first = loadFor(target)
  assert.equal(run(object, first), [0n, 10n])
  first.attach()
  const { id } = first.links.get('decide_better')
  const info = first.links.get('decide_better').info()
  assert.is(info.kind === 'tracing' && info.targetObjId, object.programs.get('on_packet').id)
  first.pin()
  first.close()

  const spec = openObject(fixture('link-replace'), { root })
  spec.programs.get('decide_better').target = target
  using again = spec.upgrade()
  assert.is(again.links.get('decide_better').id, id)
  assert.equal(again.links.get('decide_better').target, { ...target, function: 'decide' })
  assert.ok(again.links.get('decide_better').alive)
  assert.equal(run(object, again), [10n, 0n])
  again.unpin()
  assert.equal(run(object, again), [0n, 10n])
  object.unpin()
})

onKernel('a program is found by its id, and a function is replaced once', () => {
  using object = pinned()
  const target = { program: object.programs.get('on_packet').id }
  using first = loadFor(target)
  using second = loadFor(target)
  first.attach()
  assert.equal(run(object, first), [10n, 0n])
  const error = failure(() => second.attach())
  assert.is(error.code, 'EBUSY')
  assert.match(error.hint!, /another program replaces that function already/)
  object.unpin()
})

onKernel('with labels only it is loaded for the first, and attached to each', () => {
  using object = pinned()
  using other = openObject(fixture('link-replaced'), { root, name: 'other' }).upgrade()
  const spec = openObject(fixture('link-replace'), { root })
  spec.programs.get('decide_better').targets = {
    one: { program: object.programs.get('on_packet').id },
    two: { program: other.programs.get('on_packet').id },
  }
  using by = spec.load()
  by.attach()
  assert.equal([...by.links.names()], ['decide_better~one', 'decide_better~two'])
  assert.equal(run(object, by), [10n, 0n])
  assert.equal(run(other, by), [10n, 0n])
  other.unpin()
  object.unpin()
})

onKernel('what is no program, or has no such function, is refused', () => {
  using object = pinned()
  const id = object.programs.get('on_packet').id
  const refused: readonly [target: ProgramTarget | undefined, code: string, message: RegExp][] = [
    [{ program: `${object.pinPath}/maps/:bss` }, 'ERR_PIN_KIND', /is a map, not a program/],
    [{ program: `${root}/nothing` }, 'ENOENT', /BPF_OBJ_GET/],
    [{ program: 0x7fff_fff0 }, 'ENOENT', /BPF_PROG_GET_FD_BY_ID/],
    [{ program: id, function: 'on_packet' }, 'ERR_VALUE', /is for 'decide', not for 'on_packet'/],
    [undefined, 'ERR_NO_TARGET', /needs a program whose function it replaces/],
  ]
  const before = readdirSync('/proc/self/fd').length
  for (const [target, code, message] of refused) {
    const error = failure(() => loadFor(target))
    assert.is(error.code, code)
    assert.match(error.message, message)
  }
  assert.is(readdirSync('/proc/self/fd').length, before)
  object.unpin()
})

/** Loads what traces both functions of a program. */
function traceOf(target: ProgramTarget): BpfObject {
  const spec = openObject(fixture('link-trace'), { root })
  spec.programs.get('on_entry').target = { program: target.program }
  spec.programs.get('on_exit').target = target
  return spec.load()
}

onKernel('functions of a program are traced, and are found by its id, its pin and its name', () => {
  using object = pinned()
  const { id } = object.programs.get('on_packet')
  for (const program of [id, `${object.pinPath}/programs/on_packet`, 'on_packet']) {
    using by = traceOf({ program, function: 'decide' })
    by.attach()
    const info = by.links.get('on_exit').info()
    assert.is(info.kind === 'tracing' && info.targetObjId, id)
    progTestRun(object.programs.get('on_packet').fd, { dataIn: new Uint8Array(64), repeat: 10 })
    const values = ['entered', 'left', 'returned'].map(name => by.variables.get(name).get())
    assert.equal(values, [10n, 10n, 2n]) // XDP_PASS
  }
  object.unpin()
})

onKernel('what traces a program is found again, and is another object for another program', () => {
  using object = pinned()
  const target = { program: `${object.pinPath}/programs/on_packet`, function: 'decide' }
  const spec = openObject(fixture('link-trace'), { root })
  for (const name of ['on_entry', 'on_exit']) spec.programs.get(name).target = target
  const first = spec.upgrade()
  const { id } = first.programs.get('on_exit')
  first.close()
  using again = spec.upgrade()
  assert.is(again.programs.get('on_exit').id, id)
  assert.equal(again.links.get('on_entry').target, target)

  using other = openObject(fixture('link-replaced'), { root, name: 'other' }).upgrade()
  const moved = { ...target, program: `${other.pinPath}/programs/on_packet` }
  for (const name of ['on_entry', 'on_exit']) spec.programs.get(name).target = moved
  using upgraded = spec.upgrade()
  assert.is.not(upgraded.programs.get('on_exit').id, id)
  progTestRun(other.programs.get('on_packet').fd, { dataIn: new Uint8Array(64), repeat: 10 })
  assert.is(upgraded.variables.get('left').get(), 10n)
  for (const one of [upgraded, other, object]) one.unpin()
})

onKernel('a program is traced at its functions only, and only by fentry and fexit', () => {
  using object = pinned()
  const program = object.programs.get('on_packet').id
  const before = readdirSync('/proc/self/fd').length
  const nowhere = failure(() => traceOf({ program, function: 'decided' }))
  assert.is(nowhere.code, 'ERR_NO_TARGET')
  assert.match(nowhere.message, /that program has no function 'decided'/)
  const unnamed = failure(() => traceOf({ program: 'no_such_program', function: 'decide' }))
  assert.is(unnamed.code, 'ERR_NO_TARGET')
  assert.match(unnamed.message, /there is no program named 'no_such_program'/)
  using other = openObject(fixture('link-replaced'), { root, name: 'other' }).load()
  const several = failure(() => traceOf({ program: 'on_packet', function: 'decide' }))
  assert.match(several.message, /programs \d+, \d+ are all named 'on_packet'/)
  assert.ok(other)
  const spec = openObject(fixture('link-trace'), { root })
  for (const one of spec.programs) one.autoload = one.name === 'no_kind'
  spec.programs.get('no_kind').target = { program }
  assert.throws(() => spec.load(), /no_kind/)
  other.close()
  assert.is(readdirSync('/proc/self/fd').length, before)
  object.unpin()
})

/** Loads one program of those that are left out by default. */
function loadOnly(name: string): BpfObject {
  const spec = openObject(fixture('link-trace'), { root })
  for (const program of spec.programs) program.autoload = program.name === name
  return spec.load()
}

needs(
  test,
  'root',
  'ip',
  '/sys/kernel/btf/veth',
)('functions of a module are traced, with and without its name', () => {
  using entry = loadOnly('module_entry')
  using exit = loadOnly('module_exit')
  entry.attach()
  exit.attach()
  assert.equal(entry.links.get('module_entry').target, { hook: 'veth:veth_open' })
  const ip = (command: string): Buffer => execFileSync('ip', command.split(' '))
  ip('link add traced type veth peer name traced_peer')
  try {
    for (const state of ['up', 'down', 'up']) ip(`link set traced ${state}`)
    assert.is(entry.variables.get('opened').get(), 2n)
    assert.is(exit.variables.get('closed').get(), 1n)
  } finally {
    ip('link del traced')
  }
})

needs(
  test,
  'root',
  '/sys/kernel/btf/veth',
)('a function that no module has is refused by its name', () => {
  const before = readdirSync('/proc/self/fd').length
  const module = failure(() => loadOnly('no_module'))
  assert.is(module.code, 'ERR_NO_TARGET')
  assert.match(module.message, /module 'nowhere_' has no function 'veth_open'/)
  assert.match(module.hint!, /modprobe nowhere_/)
  assert.match(
    failure(() => loadOnly('no_function')).message,
    /module 'veth' has no function 'no_such_function'/,
  )
  assert.is(readdirSync('/proc/self/fd').length, before)
})

test.run()
