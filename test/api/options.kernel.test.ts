// What JavaScript can give and types forbid: an error that says what was wrong, before anything is done.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'
import { parseElf } from '../../src/elf/index.ts'
import bpfpin from '../../src/esbuild/index.ts'
import { type BpfObject, openMap, openObject, openPinned } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { loadEvents } from '../map/events.ts'
import { namesBelow } from '../pin/kernel-state.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'linux 6.1')
const path = fixture('counter')
const bytes = readFileSync(path)
const counter = () => openObject(path, { root })
const wider = () => openObject(fixture('counter-wider'), { root, name: 'counter' })

/** Each with how an error names it. */
const others: readonly (readonly [value: unknown, text: string])[] = [
  [null, 'null'],
  ['text', "'text'"],
  [5, '5'],
  [5n, '5n'],
  [true, 'true'],
  [[], 'an array'],
  [() => {}, 'a function'],
  [Symbol('mine'), 'Symbol(mine)'],
]

/** What is given is none of these types' values. */
type Given = never

/** Every public call that takes options. */
function calls(
  object: BpfObject,
  events: BpfObject,
  kinds: BpfObject,
): Readonly<Record<string, (given: Given) => unknown>> {
  const map = object.maps.get('by_process')
  return {
    'parseElf()': given => parseElf(bytes, given),
    'parseBtf()': given => parseBtf(bytes, given),
    'bpfpin()': given => bpfpin(given),
    'openObject()': given => openObject(path, given),
    'openPinned()': given => openPinned('counter', given),
    'openMap()': given => openMap(`${root}/none`, given),
    'load()': given => counter().load(given),
    'plan()': given => counter().plan(given),
    'upgrade()': given => counter().upgrade(given),
    'pin()': given => object.pin(given),
    'unpin()': given => object.unpin(given),
    'rollback()': given => object.rollback(given),
    'attach()': given => [...object.programs][0]?.attach(given),
    'run()': given => [...object.programs][0]?.run(given),
    'get()': given => map.get(1, given),
    'push()': given => kinds.maps.get('stack').push(1n, given),
    'events()': given => events.maps.get('events').events(given),
    'writer()': given => events.maps.get('orders').writer(given),
  }
}

onKernel('options that are no object are an error of every call that takes some', () => {
  using object = counter().load()
  using events = loadEvents()
  using kinds = openObject(fixture('map-types'), { root }).load()
  for (const [call, run] of Object.entries(calls(object, events, kinds))) {
    for (const [value, text] of others) {
      const { code, message, hint } = failure(() => run(value as Given))
      assert.equal(
        [code, message],
        ['ERR_VALUE', `what ${call} is given as options is ${text}, and not an object`],
      )
      assert.ok(hint, call)
    }
  }
  assert.equal(namesBelow(root), [])
})

onKernel('so are those of writing an entry, which can be a word as well', () => {
  using object = counter().load()
  const map = object.maps.get('by_process')
  const [key, value] = [new Uint8Array(map.keySize), new Uint8Array(map.valueSize)]
  for (const [given, text] of others) {
    const { code, message } = failure(() => map.setRaw(key, value, given as Given))
    assert.is(code, 'ERR_VALUE')
    assert.match(
      message,
      typeof given === 'string' ? `${text} is none of` : `given as options is ${text}, and not an object`,
    )
  }
})

/** Options with values of another kind, and what the error says that they take. */
const wrongKinds: Readonly<
  Record<string, readonly (readonly [name: string, value: unknown, takes: string])[]>
> = {
  'upgrade()': [
    ['onProgress', 5, 'a function'],
    ['signal', 'soon', 'an AbortSignal'],
    ['signal', {}, 'an AbortSignal'],
    ['waitMs', 5n, 'a number'],
    ['waitMs', Symbol.iterator, 'a number'],
    ['maps', null, 'an object'],
    ['convert', [], 'an object'],
    ['merge', 'sum', 'an object'],
    ['keepPrevious', 'no', 'a boolean'],
    ['allowGap', 'false', 'a boolean'],
  ],
  'openPinned()': [
    ['readOnly', 1, 'a boolean'],
    ['follow', 'true', 'a boolean'],
  ],
  'get()': [['lock', 0, 'a boolean']],
  'attach()': [['label', 7, 'a string']],
}

onKernel('an option of another kind is an error, and nothing is done', () => {
  using object = counter().load()
  using events = loadEvents()
  using kinds = openObject(fixture('map-types'), { root }).load()
  const all = calls(object, events, kinds)
  for (const [call, wrong] of Object.entries(wrongKinds)) {
    for (const [name, value, takes] of wrong) {
      const { code, message } = failure(() => all[call]?.({ [name]: value } as Given))
      assert.is(code, 'ERR_VALUE', message)
      assert.ok(
        message.startsWith(`option '${name}' of ${call} is `) && message.endsWith(`, and not ${takes}`),
        message,
      )
    }
  }
  assert.equal(namesBelow(root), [])
})

onKernel('what is given for single maps is looked at before anything is done', () => {
  const given = { by_process: 7 as Given }
  for (const [options, message] of [
    [{ convert: given }, "what converts map 'by_process' is 7, and not a function"],
    [{ merge: given }, "what merges map 'by_process' is 7, and not fields that are each 'sum'"],
    [{ merge: { by_process: { packets: 7 as Given } } }, /^what merges map 'by_process' is an object, /],
    [{ maps: given }, "what may be done with map 'by_process' is 7, and not one of refuse, convert, "],
  ] as const) {
    for (const call of ['upgrade', 'plan'] as const) {
      const error = failure(() => counter()[call](options))
      assert.is(error.code, 'ERR_VALUE')
      assert.match(error.message, message)
    }
  }
  for (const [value, text] of others) {
    const { code, message } = failure(() => counter().load({ maps: { by_process: value as Given } }))
    assert.equal(
      [code, message],
      ['ERR_VALUE', `what is given for map 'by_process' is ${text}, and not a map`],
    )
  }
  assert.equal(namesBelow(root), [])
})

onKernel('a mistyped onMismatch converts nothing', () => {
  using first = counter().upgrade()
  for (const given of [{ onMismatch: 'refsue' }, { maps: { by_process: 'refsue' } }] as const) {
    const { code, message } = failure(() => wider().upgrade(given as Given))
    assert.is(code, 'ERR_VALUE')
    assert.match(
      message,
      /'refsue', and not one of refuse, convert, convert-lossy, replace; did you mean 'refuse'/,
    )
    assert.is(failure(() => wider().plan(given as Given)).code, 'ERR_VALUE')
  }
  using pinned = openPinned('counter', { root })
  assert.is(pinned.generation, 1)
  first.unpin()
})

onKernel('names and paths that are no text are refused', () => {
  for (const [given, text] of others) {
    if (typeof given === 'string') continue
    for (const run of [
      () => openPinned(given as Given),
      () => openPinned('counter', { root: given as Given }),
      () => openMap(given as Given),
      () => openObject(path, { root: given as Given }),
    ]) {
      const { code, message } = failure(run)
      assert.equal([code, message.endsWith(`${text}, and not a text`)], ['ERR_NAME', true], message)
    }
  }
})

test.run()
