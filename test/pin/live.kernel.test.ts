import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, compareLayouts, type LayoutComparison, parseBtf } from '../../src/btf/index.ts'
import { liveFacts } from '../../src/pin/live.ts'
import { needs } from '../requirements.ts'
import { key, RawMap } from './maps.ts'

/** struct { u32 slots[N]; u32 last; } of four elements against one of three. */
function shorter(): LayoutComparison {
  const sides = [4, 3].map(length => {
    const writer = new BtfWriter()
    const int = writer.add({
      kind: 'int',
      name: 'u32',
      size: 4,
      signed: false,
      char: false,
      bool: false,
      bits: 32,
      bitOffset: 0,
    })
    const array = writer.add({ kind: 'array', name: '', elementType: int, indexType: int, length })
    const members = [
      { name: 'slots', type: array, bitOffset: 0, bitSize: 0 },
      { name: 'last', type: int, bitOffset: 32 * length, bitSize: 0 },
    ]
    const id = writer.add({ kind: 'struct', name: 'value', size: 4 * length + 4, members })
    return { btf: parseBtf(writer.finish()), id, size: 4 * length + 4 }
  })
  return compareLayouts(sides[0]!, sides[1]!)
}

const value = (...numbers: number[]): Uint8Array => new Uint8Array(new Uint32Array(numbers).buffer)

needs(test, 'root')('a hash is counted, and what is cut off its values looked at', () => {
  using map = new RawMap('hash', 4, 20, 10_000)
  for (let i = 0; i < 5000; i++) map.set(key(i), value(1, 2, 3, 0, 5))
  const facts = () => liveFacts(map, { ...map.shape, valueSize: 16 }, shorter(), "map 'x'")
  assert.equal(facts(), { entries: 5000, cutIsZero: true })
  map.set(key(4321), value(1, 2, 3, 4, 5))
  assert.equal(facts(), { entries: 5000, cutIsZero: false })
})

needs(test, 'root')('the elements that a shorter array has no room for are looked at', () => {
  using map = new RawMap('array', 4, 8, 6000)
  const facts = () => liveFacts(map, { ...map.shape, maxEntries: 5000 }, undefined, "map 'x'")
  map.set(key(4999), value(0, 1))
  assert.equal(facts(), { entries: 6000, cutIsZero: true })
  map.set(key(5000), value(0, 1))
  assert.equal(facts(), { entries: 6000, cutIsZero: false })
})

needs(test, 'root')('an empty map has no entries', () => {
  using map = new RawMap('lru_hash', 4, 20, 100)
  assert.equal(liveFacts(map, map.shape, undefined, "map 'x'"), { entries: 0, cutIsZero: true })
})

test.run()
