import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { summary } from '../../bench/row.ts'
import { header, line } from '../../bench/table.ts'

test('columns stand below their names', () => {
  const names = header().split('\n').at(-1)!
  const result = summary({ name: 'pin', n: 4096, unit: 'us/map' }, [[1.5], [3], [1.25]])
  const text = line(result, { ours: 1.1, libbpf: 1.3, floor: 1.2, from: 1024 })
  for (const [name, value] of [
    ['ours', '1.50'],
    ['libbpf', '3.00'],
    ['floor', '1.25'],
    ['unit', 'us/map'],
    ['x libbpf', '0.50'],
    ['x floor', '1.20'],
    ['scale', '1.10'],
  ] as const) {
    const end = names.indexOf(name) + name.length
    assert.is(text.slice(end - value.length, end), value, name)
  }
  assert.match(text, /\(1\.20\) +1\.50\.\.1\.50$/)
})

test('what was not measured is a dash', () => {
  const text = line(summary({ name: 'bundle size', unit: 'KB' }, [[479], [], []]), undefined)
  assert.match(text, /^bundle size +479 +- +- +KB +- +- /)
})

test.run()
