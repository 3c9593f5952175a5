import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeFileName, encodeFileName } from '../../src/syscall/file-name.ts'

// what Python's os.fsdecode() and json.dumps() make of these bytes
const names: readonly [bytes: string, text: string][] = [
  ['61', 'a'],
  ['c3a9', 'é'],
  ['efbbbf61', '\ufeffa'],
  ['f09f909d', '🐝'],
  ['ff', '\udcff'],
  ['61c362', 'a\udcc3b'],
  ['eda080', '\udced\udca0\udc80'],
  ['c080', '\udcc0\udc80'],
]

for (const [hex, text] of names) {
  test(`the bytes ${hex} of a name are ${JSON.stringify(text)}, and go back`, () => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    assert.is(decodeFileName(bytes), text)
    const back = encodeFileName(text) ?? new TextEncoder().encode(text)
    assert.is(Buffer.from(back).toString('hex'), hex)
  })
}

test('each two bytes are another name, and each name goes back', () => {
  const seen = new Set<string>()
  for (let n = 0; n < 0x10000; n++) {
    const bytes = Uint8Array.of(n >> 8, n & 0xff)
    const text = decodeFileName(bytes)
    seen.add(text)
    assert.equal(Array.from(encodeFileName(text) ?? new TextEncoder().encode(text)), Array.from(bytes))
  }
  assert.is(seen.size, 0x10000)
})

test.run()
