// A program that takes the place of a function in another.
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
    [{ program: id, function: 'on_packet' }, 'ERR_VALUE', /replaces 'decide', not 'on_packet'/],
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

test.run()
