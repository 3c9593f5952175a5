import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase85, toBase85 } from '../../src/esbuild/base85.ts'

test("bytes are written as the standard's example has them", () => {
  // ZeroMQ RFC 32, section "Test case"; before it how many bytes were added
  assert.is(toBase85(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b)), '0HelloWorld')
  assert.equal([...fromBase85('0HelloWorld')], [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b])
})

test('any bytes come back', () => {
  fc.assert(fc.property(fc.uint8Array(), bytes => assert.equal(fromBase85(toBase85(bytes)), bytes)))
})

test('the text is the same as a string in JavaScript and takes five characters for four bytes', () => {
  const text = toBase85(Uint8Array.from({ length: 65_536 }, (_, i) => (i * 40_503) >> 8))
  assert.is(JSON.stringify(text), `"${text}"`)
  assert.is(text.length, 1 + (65_536 / 4) * 5)
})

test.run()
