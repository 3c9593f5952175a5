import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Result, summary } from '../../bench/row.ts'
import { scaleOf } from '../../bench/scale.ts'

function results(name: string, unit: string, values: Readonly<Record<number, number>>): Result[] {
  return Object.entries(values).map(([n, value]) => summary({ name, n: Number(n), unit }, [[value], [], []]))
}

test('what is given by the map is compared with 1,024 maps, not with fewer', () => {
  const all = results('pin', 'us/map', { 64: 9, 1024: 2, 4096: 3, 16384: 5 })
  const scales = all.map(result => scaleOf(result, all)?.ours)
  assert.equal(scales, [undefined, undefined, 1.5, 2.5])
  assert.is(scaleOf(all[3]!, all)?.from, 1024)
})

test('a rate that falls is a cost that grows, compared with the smallest size', () => {
  const all = results('convert', 'entries/s', { 100000: 900, 1000000: 600 })
  assert.equal(scaleOf(all[1]!, all), { ours: 1.5, libbpf: null, floor: null, from: 100000 })
  assert.is(scaleOf(all[0]!, all), undefined)
})

test('the time of the whole is divided by the size first', () => {
  const all = results('upgrade', 'ms', { 1024: 10, 2048: 20 })
  assert.is(scaleOf(all[1]!, all)?.ours, 1)
})

test('rows of other names, and rows without a size, are not compared', () => {
  const [pin, unpin] = [
    results('pin', 'us/map', { 1024: 1 })[0]!,
    results('unpin', 'us/map', { 4096: 3 })[0]!,
  ]
  const size = summary({ name: 'bundle size', unit: 'KB' }, [[1], [], []])
  for (const result of [unpin, size]) assert.is(scaleOf(result, [pin, unpin, size]), undefined)
})

test('how the peers grow stands beside it', () => {
  const grown = [1024, 4096].map(n => summary({ name: 'pin', n, unit: 'us/map' }, [[n], [n * n], [7]]))
  assert.equal(scaleOf(grown[1]!, grown), { ours: 4, libbpf: 16, floor: 1, from: 1024 })
})

test.run()
