// Records that end with an array of any length. How long they are, and where the array begins, are the kernel's and the compiler's words.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root', 'linux 5.14')
const load = (): BpfObject => openObject(fixture('flexible')).load()

function record(object: BpfObject, bytes: readonly number[]): void {
  const padded = [...bytes, ...new Array(64 - bytes.length).fill(0)]
  const { returnValue } = object.programs
    .get('record')
    .run({ context: { length: bytes.length, bytes: padded } })
  assert.is(returnValue, 0)
}

function taken(object: BpfObject, type: string): unknown[] {
  using reader = object.maps.get('records').events({ type })
  const events: unknown[] = []
  reader.take(event => events.push(event))
  return events
}

const text = (characters: string): number[] => [...Buffer.from(characters)]

/** struct message in front of its text: 8, 4 and 1 bytes. */
const head = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
const message = { time: 1n, pid: 2, kind: 3 }

onKernel('the compiler puts the arrays where the test thinks them to be', () => {
  using object = load()
  assert.equal(object.variables.get('offsets').get(), [head.length, 16, 2, 2, 4, 4])
})

onKernel('text of any length is what the record has behind the struct', () => {
  using object = load()
  // none, within the padding of the struct, as long as that, longer, with an end, and not ASCII
  const texts = ['', 'a', 'abc', 'four', 'forty characters, and a few more of them', 'end\0hidden', 'grüße']
  for (const characters of texts) record(object, [...head, ...text(characters)])
  assert.equal(
    taken(object, 'message'),
    texts.map(characters => ({ ...message, text: characters.replace(/\0.*/, '') })),
  )
})

onKernel('bytes and structs of any number', () => {
  using object = load()
  for (const length of [0, 1, 5, 62]) record(object, [length, 0, ...new Array(length).fill(length)])
  assert.equal(
    taken(object, 'blob'),
    [0, 1, 5, 62].map(length => ({ length, bytes: new Uint8Array(length).fill(length) })),
  )
  record(object, [2, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0])
  // half of a point is none
  record(object, [1, 0, 0, 0, 5, 0, 6, 0, 7, 0])
  assert.equal(taken(object, 'path'), [
    {
      count: 2,
      points: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    },
    { count: 1, points: [{ x: 5, y: 6 }] },
  ])
})

onKernel('a record that ends before the array is too short', () => {
  using object = load()
  record(object, head.slice(0, -1))
  using reader = object.maps.get('records').events({ type: 'message' })
  const { code, message } = failure(() => reader.take(() => undefined))
  assert.is(code, 'ERR_VALUE')
  assert.match(message, "a record of 'records' has 12 bytes, and 'message', which it was to be, has 13")
})

onKernel('in a map’s values such an array is empty, and nothing can be put into it', () => {
  using object = load()
  const map = object.maps.get('messages')
  map.set(0, message)
  assert.equal(map.get(0), { ...message, text: '' })
  map.set(0, { ...message, text: '' })
  assert.match(failure(() => map.set(0, { ...message, text: 'a' })).message, 'value.text: ')
})

test.run()
