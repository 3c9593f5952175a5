import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Btf, compareLayouts, compileCopy, type TypeAt, withMerge } from '../../src/btf/index.ts'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'

function typeIn(object: string, name: string): TypeAt {
  const btf = openObject(fixture(object)).spec.kernelBtf?.() as Btf
  const type = btf.find(name, 'struct')
  assert.ok(type)
  return { btf, id: type.id, size: type.size }
}

test('a struct that got a field at its end is convertible, and its old fields are carried at once', () => {
  const pinned = typeIn('counter', 'tally')
  const wanted = typeIn('counter-wider', 'tally')
  const { grade, changes, conversion } = compareLayouts(pinned, wanted)
  assert.is(grade, 'convertible')
  assert.equal(
    changes.map(({ path, change, wanted }) => [path, change, wanted?.offset]),
    [
      ['calls', 'kept', 0],
      ['weighted', 'kept', 8],
      ['comm', 'kept', 16],
      ['last_ns', 'added', 32],
    ],
  )
  assert.equal(conversion?.operations, [{ op: 'bytes', from: 0, to: 0, size: 32 }])
})

test('a struct without its last field is lossy', () => {
  const { grade, changes } = compareLayouts(typeIn('counter-wider', 'tally'), typeIn('counter', 'tally'))
  assert.is(grade, 'lossy')
  assert.equal(changes.at(-1)?.change, 'dropped')
})

test('a sum is a copy of a number, even where its bytes would be copied', () => {
  const pinned = typeIn('counter', 'tally')
  const wanted = typeIn('counter-wider', 'tally')
  const { conversion } = compareLayouts(pinned, wanted)
  assert.ok(conversion)
  const { pairs } = withMerge(conversion, wanted, { calls: 'sum' })
  assert.equal(pairs[0], {
    path: 'calls',
    merge: 'sum',
    copy: {
      op: 'integer',
      from: { bitOffset: 0, bitSize: 64, signed: false },
      to: { bitOffset: 0, bitSize: 64, signed: false },
    },
  })
  assert.is(pairs[1]?.merge, 'last')
  const to = new Uint8Array(8)
  compileCopy([pairs[0]!.copy])(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0, to, 0)
  assert.equal([...to], [1, 2, 3, 4, 5, 6, 7, 8])
})

test('what cannot be summed is said, with what could have been meant', () => {
  const wanted = typeIn('counter-wider', 'tally')
  const { conversion } = compareLayouts(typeIn('counter', 'tally'), wanted)
  const sum = (path: string) => () => withMerge(conversion!, wanted, { [path]: 'sum' })
  assert.throws(sum('call'), /no field 'call' to sum; did you mean 'calls'\?/)
  assert.throws(sum('comm'), /'comm' cannot be summed: it has 1 bytes/)
})

test('sums are declared on members, through a typedef, in elements, and for whole arrays', () => {
  const sideOf = (side: 'old' | 'new'): TypeAt => {
    const { kernelBtf, maps } = openObject(pairObject('sum-declared', side)).spec
    return { btf: kernelBtf?.() as Btf, id: maps[0]!.valueType, size: maps[0]!.valueSize }
  }
  const wanted = sideOf('new')
  const { conversion } = compareLayouts(sideOf('old'), wanted)
  const { pairs } = withMerge(conversion!, wanted, {})
  assert.equal(
    pairs.filter(({ merge }) => merge === 'sum').map(({ path }) => path),
    ['packets', 'bytes', 'slots[].hits', 'histogram'],
  )
  const place = (byte: number, bitSize: number) => ({ bitOffset: 8 * byte, bitSize, signed: false })
  const copyOf = (name: string) => pairs.find(({ path }) => path === name)?.copy
  assert.equal(copyOf('packets'), { op: 'integer', from: place(0, 64), to: place(8, 64) })
  // struct slot has 8 bytes and starts behind `u32 state`, at 20
  assert.equal(copyOf('slots[].hits'), {
    ...{ op: 'each', count: 2, from: 20, fromStride: 8, to: 20, toStride: 8 },
    operations: [{ op: 'integer', from: place(0, 32), to: place(4, 32) }],
  })
  assert.equal(copyOf('histogram'), {
    ...{ op: 'each', count: 4, from: 36, fromStride: 4, to: 36, toStride: 4 },
    operations: [{ op: 'integer', from: place(0, 32), to: place(0, 32) }],
  })
})

test.run()
