import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readValue } from '../../src/cli/value-syntax.ts'

for (const [text, value] of [
  ['5', 5],
  ['-5', -5],
  ['0x1f', 31],
  ['-0x1f', -31],
  ['9007199254740991', 2 ** 53 - 1],
  ['9007199254740992', 2n ** 53n],
  ['-9223372036854775808', -(2n ** 63n)],
  ['0xffffffffffffffff', 2n ** 64n - 1n],
  ['2.5', 2.5],
  ['true', true],
  ['TCP_LISTEN', 'TCP_LISTEN'],
  ['two words', 'two words'],
  ['', ''],
  ['"5"', '5'],
  ['"a \\"b\\" \\u0041"', 'a "b" A'],
  ['[]', []],
  ['[1, 0x2,[3]]', [1, 2, [3]]],
  ['{}', {}],
  [
    '{calls: 18446744073709551615, "name": "node", state: IDLE}',
    { calls: 2n ** 64n - 1n, name: 'node', state: 'IDLE' },
  ],
  ['{"a":{"b":[true,false]}}', { a: { b: [true, false] } }],
] as const) {
  test(`${text === '' ? 'nothing' : text} is read as a person means it`, () => {
    assert.equal(readValue(text), value)
  })
}

test('what JSON.parse takes is read as the same', () => {
  const value = { list: [1, -2, 3.5, 'x', true, { deep: [[]] }], text: 'a\n"b"', empty: {} }
  for (const text of [JSON.stringify(value), JSON.stringify(value, undefined, 2)]) {
    assert.equal(readValue(text), JSON.parse(text))
  }
})

for (const [text, message] of [
  ['[1', "character 3 of '[1': expected ',' or ']', there is the end"],
  ['{a 1}', "character 4 of '{a 1}': expected ':', there is '1}'"],
  ['{a: }', "character 5 of '{a: }': expected a value, there is '}'"],
  ['"a', "character 1 of '\"a': expected a '\"' that ends the string, there is '\"a'"],
  ['[1] 2', "character 5 of '[1] 2': expected the end, there is '2'"],
  ['"\\x"', 'expected a string as JSON writes it'],
  ['['.repeat(100), 'expected at most 64 levels of brackets'],
] as const) {
  test(`${text.slice(0, 10)} is refused with the place`, () => {
    assert.throws(
      () => readValue(text),
      (error: Error & { code: string }) => {
        assert.is(error.code, 'ERR_VALUE')
        return error.message.includes(message)
      },
    )
  })
}

test.run()
