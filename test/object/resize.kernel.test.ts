import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const open = (): ObjectSpec => openObject(fixture('resize'), { root })

function withLength(length: number): ObjectSpec {
  const spec = open()
  spec.variables.get('table').resize(length)
  spec.variables.get('length').set(length)
  spec.programs.get('power').autoload = false
  return spec
}

/** What the program `add` says. */
function add(object: BpfObject, at: number, value: number): number {
  const context = new Uint8Array(Uint32Array.of(at, value).buffer)
  return object.programs.get('add').run({ context }).returnValue | 0
}

const slot = (sum: number, calls: number, last: number) => ({ sum: BigInt(sum), calls, last })

needs(
  test,
  'root',
  'bpftool',
)('the last array of a section is as long as it was made, for all', () => {
  using object = withLength(1000).load()
  assert.is(add(object, 999, 7), 0)
  assert.is(add(object, 999, 8), 0)
  assert.is(add(object, 1000, 1), -1)
  const table = object.variables.get('table').get() as unknown[]
  assert.is(table.length, 1000)
  assert.equal([table[0], table[1], table[2]], [slot(1, 0, 0), slot(2, 0, 0), slot(0, 0, 0)])
  assert.equal(table[999], slot(15, 2, 8))
  assert.is(object.variables.get('total').get(), 20n)

  // the kernel's own account of it, by its types
  const map = object.maps.get('.data.table')
  assert.is(map.info().valueSize, 8 + 1000 * 16)
  const [{ formatted }] = JSON.parse(
    execFileSync('bpftool', ['--json', 'map', 'dump', 'id', String(map.id)], { encoding: 'utf8' }),
  )
  const [{ '.data.table': section }] = [formatted.value]
  const values = Object.assign({}, ...section)
  assert.is(values.total, 20)
  assert.is(values.table.length, 1000)
  assert.equal(values.table[999], { sum: 15, calls: 2, last: 8 })
})

needs(test, 'root')('what is set of a longer constant is what programs are verified with', () => {
  const spec = open()
  const powers = spec.variables.get('powers')
  powers.resize(6)
  assert.equal(powers.get(), [1, 10, 100, 1000, 0, 0])
  powers.set([1, 2, 4, 8, 16, 32])
  spec.variables.get('length').set(6)
  spec.programs.get('add').autoload = false
  using object = spec.load()
  const context = new Uint8Array(Uint32Array.of(5, 0).buffer)
  assert.is(object.programs.get('power').run({ context }).returnValue, 32)
  assert.is(object.maps.get('.rodata.powers').info().valueSize, 24)
})

needs(test, 'root')('a table becomes shorter, too, and its length may be set again', () => {
  const spec = open()
  const table = spec.variables.get('table')
  table.resize(500)
  table.resize(1)
  assert.is(table.size, 16)
  assert.equal(table.get(), [slot(1, 0, 0)])
  spec.programs.get('power').autoload = false
  using object = spec.load()
  assert.is(add(object, 0, 4), 0)
  assert.equal(object.variables.get('table').get(), [slot(5, 1, 4)])
})

needs(test, 'root')('a longer table takes over what a pinned one holds', () => {
  using old = withLength(10).upgrade()
  assert.is(add(old, 9, 6), 0)
  const longer = withLength(2000)
  assert.is(longer.plan().verdict, 'convertible')
  using object = longer.upgrade({ onMismatch: 'convert' })
  assert.is(add(object, 1999, 1), 0)
  const table = object.variables.get('table').get() as unknown[]
  assert.equal([table[9], table[1999]], [slot(6, 1, 6), slot(1, 1, 1)])
  using other = openPinned('resize', { root })
  assert.equal((other.variables.get('table').get() as unknown[])[9], slot(6, 1, 6))
  // the same lengths are the same object
  using again = withLength(2000).upgrade()
  assert.ok(again.wasFound)
  again.unpin()
})

test('what cannot be resized says why, and stays as it was', () => {
  const spec = open()
  const { variables } = spec
  const why = (name: string, length: number) => failure(() => variables.get(name).resize(length))
  assert.match(why('total', 2).message, /^variable 'total' cannot be resized: it is no array$/)
  assert.match(why('length', 2).message, /it is no array/)
  for (const length of [0, -1, 1.5, Number.NaN, 2 ** 31])
    assert.match(why('table', length).message, /elements cannot be/)
  assert.is(why('table', 0).code, 'ERR_VALUE')
  assert.is(variables.get('table').size, 32)
  assert.is(spec.maps.get('.data.table').valueSize, 40)
})

test.run()
