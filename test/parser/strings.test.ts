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

test('names of a table as large as a kernel has are not made one string', () => {
  const table = new Uint8Array(2_300_000).fill(0x61)
  table[table.length - 1] = 0
  assert.is(new StringTable(table).asciiAt(2_299_997), undefined)
})

test.run()
