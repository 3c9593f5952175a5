import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { measure, type Row, summary } from '../../bench/row.ts'

const row = { name: 'pin', n: 1024, unit: 'us/map' }

test('a row has the median of each side, and ours divided by those of the others', () => {
  const { ours, libbpf, floor, vsLibbpf, vsFloor } = summary(row, [
    [9, 2, 3],
    [8, 6, 7],
    [1.5, 1.5, 100],
  ])
  assert.equal({ ours, libbpf, floor }, { ours: 3, libbpf: 7, floor: 1.5 })
  assert.equal({ vsLibbpf, vsFloor }, { vsLibbpf: 3 / 7, vsFloor: 2 })
})

test('the median of an even number of values is between the two in the middle', () => {
  assert.is(summary(row, [[1, 10, 2, 4], [], []]).ours, 3)
})

test('the spread is the middle half of our values', () => {
  assert.equal(summary(row, [[5, 1, 2, 4, 3], [], []]).spread, [2, 4])
})

test('a side that nobody plays is null, and so is its ratio', () => {
  const { libbpf, floor, vsLibbpf, vsFloor } = summary(row, [[1], [], []])
  assert.equal([libbpf, floor, vsLibbpf, vsFloor], [null, null, null, null])
})

test('a row of one size has no n', () => {
  assert.is(summary({ name: 'bundle size', unit: 'KB' }, [[1], [], []]).n, null)
})

test('all sides are measured in turn, and warm-ups do not count', async () => {
  const calls: string[] = []
  const side = (name: string, values: number[]) => () => {
    calls.push(name)
    return values.shift() ?? Number.NaN
  }
  const measured: Row = {
    ...{ ...row, warmUps: 1, rounds: 2 },
    ours: side('ours', [1000, 1, 3]),
    libbpf: side('libbpf', [1000, 4, 4]),
    floor: null,
    before: async () => calls.push('before'),
    after: async () => calls.push('after'),
  }
  const { ours, libbpf } = await measure(measured)
  assert.equal([ours, libbpf], [2, 4])
  assert.is(calls.join(' '), 'before ours libbpf ours libbpf ours libbpf after')
})

test.run()
