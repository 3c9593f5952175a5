import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StringTable } from '../../src/parser/index.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

test('a name starts anywhere in the table and ends at the next NUL', () => {
  const table = new StringTable(encode('\0hits\0misses\0'))
  assert.is(table.asciiAt(0), '')
  assert.is(table.asciiAt(1), 'hits')
  assert.is(table.asciiAt(3), 'ts')
  assert.is(table.asciiAt(6), 'misses')
})

test('a table with any letter beyond ASCII is left to a decoder of UTF-8', () => {
  assert.is(new StringTable(encode('\0hits\0größe\0')).asciiAt(1), undefined)
})

test('a table that is not UTF-8 is no string, whatever decoders put in the place of a byte', () => {
  // each of these bytes alone would become one character
  assert.is(new StringTable(Uint8Array.of(0, 0x80, 0x81, 0)).asciiAt(1), undefined)
})

/** A table as large as a kernel has: names of 1 to 40 letters, in turn. */
const names = Array.from({ length: 40_000 }, (_, i) => `n${'x'.repeat(i % 40)}${i}`)
const largeTable = (): Uint8Array => encode(`\0${names.join('\0')}\0`)

test('each name of a large table is found, wherever it lies', () => {
  const bytes = largeTable()
  assert.ok(bytes.length > 800_000)
  const table = new StringTable(bytes)
  let at = 1
  for (const name of names) {
    if (table.asciiAt(at) !== name) assert.is(table.asciiAt(at), name)
    at += name.length + 1
  }
})

test('a letter beyond ASCII in a large table is a matter of the names around it', () => {
  const bytes = largeTable()
  bytes[400_000] = 0xff
  const table = new StringTable(bytes)
  assert.is(table.asciiAt(400_001), undefined)
  assert.is(table.asciiAt(1), names[0])
  assert.is(table.asciiAt(bytes.length - 6), names.at(-1)!.slice(-5))
})

test('an endless name of a large table is not looked for to its end', () => {
  const bytes = new Uint8Array(2_300_000).fill(0x61)
  bytes[bytes.length - 1] = 0
  const table = new StringTable(bytes)
  assert.is(table.asciiAt(0), undefined)
  assert.is(table.asciiAt(2_299_997), 'aa')
})

test.run()
