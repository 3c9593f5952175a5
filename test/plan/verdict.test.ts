import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gradeMap } from '../../src/plan/grade-map.ts'
import type { Machine, MapShape } from '../../src/plan/shape.ts'
import { reasonText } from '../../src/plan/verdict.ts'

const machine: Machine = { possibleCpus: 2, pageSize: 4096 }
const hash: MapShape = { type: 'hash', keySize: 4, valueSize: 16, maxEntries: 64, flags: 0, mapExtra: 0 }

const compare = (asked: MapShape, pinned: MapShape) =>
  // types are for test/pairs: here parameters only
  gradeMap({
    ...{ name: 'flows', path: '/pins/flows', machine, isConstant: true },
    wanted: { shape: asked },
    pinned: { shape: pinned },
  })

test('equal parameters are identical', () => {
  const { verdict, reasons } = compare(hash, { ...hash })
  assert.is(verdict, 'identical')
  assert.equal(reasons, [])
})

test('every parameter that differs is named with both values', () => {
  const pinned: MapShape = {
    type: 'array',
    keySize: 8,
    valueSize: 24,
    maxEntries: 65,
    flags: 0x400,
    mapExtra: 3,
  }
  const { verdict, reasons } = compare(hash, pinned)
  assert.is(verdict, 'incompatible')
  assert.equal(reasons.map(reasonText), [
    'type array is pinned, the object asks for hash',
    'key size 8 is pinned, the object asks for 4',
    'value size 24 is pinned, the object asks for 16 (without types on both sides nothing can be carried)',
    'max_entries 65 is pinned, the object asks for 64 (elements that go may hold something)',
    'flags 0x400 is pinned, the object asks for 0x0',
    'map_extra 0x3 is pinned, the object asks for 0x0',
  ])
})

test('the rounding of an LRU list per CPU counts as compatible, and is said', () => {
  const lru: MapShape = { ...hash, type: 'lru_hash', maxEntries: 1001, flags: 0x2 }
  const { verdict, reasons } = compare(lru, { ...lru, maxEntries: 1002 })
  assert.is(verdict, 'compatible')
  assert.equal(reasons.map(reasonText), [
    'max_entries 1002 is pinned, the object asks for 1001 (as the kernel makes it)',
  ])
  assert.is(compare(lru, { ...lru, maxEntries: 1004 }).verdict, 'lossy')
  assert.is(compare({ ...lru, flags: 0 }, { ...lru, flags: 0, maxEntries: 1002 }).verdict, 'lossy')
})

test('the flag that the kernel adds to device maps counts as compatible', () => {
  for (const type of ['devmap', 'devmap_hash'] as const) {
    const asked: MapShape = { ...hash, type }
    assert.is(compare(asked, { ...asked, flags: 0x80 }).verdict, 'compatible')
    assert.is(compare(asked, { ...asked, flags: 0x81 }).verdict, 'convertible')
  }
  assert.is(compare(hash, { ...hash, flags: 0x80 }).verdict, 'convertible')
})

test.run()
