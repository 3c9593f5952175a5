import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toJson, toJsonLine } from '../../src/cli/json.ts'

const json = (value: unknown): string => [...toJson(value)].join('\n')
const back = (value: unknown): unknown => JSON.parse(json(value))

test('an integer is a number as long as that is exact, and a string of its digits beyond', () => {
  assert.equal(back({ a: 5n, b: 9007199254740991n, c: 9007199254740992n, d: -9007199254740992n, e: -1n }), {
    a: 5,
    b: 9007199254740991,
    c: '9007199254740992',
    d: '-9007199254740992',
    e: -1,
  })
})

test('bytes are an array of numbers, wherever they are', () => {
  assert.equal(back([{ key: Uint8Array.of(1, 255), value: { mac: new Uint8Array(2) } }]), [
    { key: [1, 255], value: { mac: [0, 0] } },
  ])
})

test('what JSON has no number for is a string', () => {
  assert.equal(back({ a: Number.NaN, b: -Infinity, c: 1.5 }), { a: 'NaN', b: '-Infinity', c: 1.5 })
})

test('text does not move the cursor of a terminal, nor turn what stands there, and is read as it was', () => {
  // JSON itself takes all of these as they are (RFC 8259, 7)
  const odd = { 'a\x9b2J\x7f': ['\u202e\u200f\u061c', '\u2028', 'größe \u{1f600}', '\u{e0041}\ud800'] }
  assert.equal(back(odd), odd)
  assert.equal(back([odd]), [odd])
  const shown = String.raw`{"a\u009b2J\u007f":["\u202e\u200f\u061c","\u2028","größe 😀","\udb40\udc41\ud800"]}`
  assert.is(toJsonLine(odd), shown)
})

test('a list has one element a line', () => {
  assert.is(
    json([
      { key: 1, value: 2n },
      { key: 2, value: [1, 2] },
    ]),
    '[\n  {"key":1,"value":2},\n  {"key":2,"value":[1,2]}\n]',
  )
  assert.is(json([]), '[]')
})

test.run()
