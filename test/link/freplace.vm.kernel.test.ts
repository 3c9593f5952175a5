// A program that takes the place of a function in another.
import { readdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  BpfError,
  BpfLink,
  type BpfMap,
  type BpfObject,
  openObject,
  type ProgramSpec,
  type ProgramTarget,
} from '../../src/index.ts'
import { attachProgram, replacedBy } from '../../src/link/index.ts'
import { assemble } from '../../src/spec/assemble.ts'
import { programTypes } from '../../src/spec/kernel.ts'
import { btfLoad, closeFd, objGet, objPin, progLoadLogged, progTestRun } from '../../src/syscall/index.ts'
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

/** Loads what replaces for a target. */
function loadFor(target: ProgramTarget): { fd: number; object: BpfObject } {
  const opened = openObject(fixture('link-replace'), { root })
  const spec = opened.programs.get('decide_better')
  spec.autoload = false
  spec.target = target
  const object = opened.load()
  using replaced = replacedBy(spec)
  const maps = new Map<string, BpfMap>([...object.maps].map(map => [map.name, map]))
  const code = assemble(opened.spec, spec, name => maps.get(name)!.fd)
  const btfFd = btfLoad(opened.spec.kernelBtf!().bytes)
  const { result, log } = progLoadLogged({
    type: programTypes.ext,
    instructions: code.instructions,
    license: 'GPL',
    btfFd,
    functionInfo: { recordSize: 8, bytes: code.functionInfo },
    attachFd: replaced.fd,
    attachBtfId: replaced.btfId,
  })
  closeFd(btfFd)
  assert.ok(result >= 0, log)
  return { fd: result, object }
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

const failure = (run: () => unknown): BpfError => {
  try {
    run()
  } catch (error) {
    if (error instanceof BpfError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const spec = (target?: ProgramTarget): ProgramSpec => {
  const one = openObject(fixture('link-replace')).programs.get('decide_better')
  one.target = target
  return one
}

onKernel('a function is replaced while a link is there, or a pin of it', () => {
  using object = pinned()
  const target = { program: `${object.pinPath}/programs/on_packet` }
  const { fd, object: by } = loadFor(target)
  try {
    assert.equal(run(object, by), [0n, 10n])
    const link = attachProgram({ spec: spec(target), fd })
    assert.equal(link.target, { ...target, function: 'decide' })
    const info = link.info()
    assert.is(info.kind === 'tracing' && info.targetObjId, object.programs.get('on_packet').id)
    assert.equal(run(object, by), [10n, 0n])

    assert.is(objPin(link.fd, `${root}/replacing`), 0)
    const { id } = link
    link.close()
    assert.equal(run(object, by), [10n, 0n])
    const again = new BpfLink({
      fd: objGet(`${root}/replacing`),
      name: 'again',
      program: 'decide_better',
      target,
    })
    assert.is(again.id, id)
    assert.ok(again.alive)
    again.close()
    unlinkSync(`${root}/replacing`)
    assert.equal(run(object, by), [0n, 10n])
  } finally {
    closeFd(fd)
    by.close()
    object.unpin()
  }
})

onKernel('a program is found by its id, and a function is replaced once', () => {
  using object = pinned()
  const target = { program: object.programs.get('on_packet').id }
  const [first, second] = [loadFor(target), loadFor(target)]
  try {
    using link = attachProgram({ spec: spec(target), fd: first.fd })
    assert.equal(run(object, first.object), [10n, 0n])
    assert.ok(link.alive)
    const error = failure(() => attachProgram({ spec: spec(target), fd: second.fd }))
    assert.is(error.code, 'EBUSY')
    assert.match(error.hint!, /another program replaces that function already/)
  } finally {
    for (const { fd, object: by } of [first, second]) {
      closeFd(fd)
      by.close()
    }
    object.unpin()
  }
})

onKernel('what is no program, or has no such function, is refused', () => {
  using object = pinned()
  const id = object.programs.get('on_packet').id
  const refused: readonly [target: ProgramTarget, code: string, message: RegExp][] = [
    [{ program: `${object.pinPath}/maps/:bss` }, 'ERR_PIN_KIND', /is no program/],
    [{ program: `${root}/nothing` }, 'ENOENT', /BPF_OBJ_GET/],
    [{ program: 0x7fff_fff0 }, 'ENOENT', /BPF_PROG_GET_FD_BY_ID/],
    [{ program: id, function: 'on_packet' }, 'ERR_VALUE', /replaces 'decide', not 'on_packet'/],
  ]
  const before = readdirSync('/proc/self/fd').length
  for (const [target, code, message] of refused) {
    const error = failure(() => attachProgram({ spec: spec(target), fd: -1 }))
    assert.is(error.code, code)
    assert.match(error.message, message)
  }
  const nameless = { ...spec({ program: id, function: 'decides' }), rule: undefined }
  const error = failure(() => replacedBy(nameless))
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.message, /no function 'decides'/)
  assert.is(readdirSync('/proc/self/fd').length, before)
  object.unpin()
})

test('without a program it is said what is lacking', () => {
  assert.match(failure(() => replacedBy(spec())).message, /loading program .* needs a program whose function/)
  assert.match(
    failure(() => attachProgram({ spec: spec(), fd: -1 })).message,
    /it needs a program whose function it replaces/,
  )
})

test.run()
