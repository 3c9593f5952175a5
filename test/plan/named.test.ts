import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Named } from '../../src/plan/named.ts'

const items = ['c', 'a', 'd', 'b'].map((name, place) => ({ name, place }))

test('whatever order they are asked for in, things are found by their names', () => {
  const orders = [
    ['c', 'a', 'd', 'b', 'c', 'a', 'd', 'b'],
    ['b', 'd', 'a', 'c'],
    ['c', 'c', 'd', 'b', 'a', 'a', 'd'],
    ['d', 'x', 'b', 'x', 'c', 'a'],
  ]
  for (const order of orders) {
    const named = new Named(items)
    assert.equal(
      order.map(name => named.get(name)?.place),
      order.map(name => items.find(item => item.name === name)?.place),
    )
  }
})

test('it is a map of them by name', () => {
  const [named, map] = [new Named(items.values()), new Map(items.map(item => [item.name, item]))]
  assert.is(named.size, map.size)
  assert.equal([...named], [...map])
  assert.equal([...named.entries()], [...map.entries()])
  assert.equal([...named.keys()], [...map.keys()])
  assert.equal([...named.values()], [...map.values()])
  assert.is(named.has('d'), true)
  assert.is(named.has('x'), false)
  const [told, expected]: [unknown[], unknown[]] = [[], []]
  named.forEach((item, name) => void told.push([item, name]))
  map.forEach((item, name) => void expected.push([item, name]))
  assert.equal(told, expected)
  assert.is(new Named([]).get('c'), undefined)
})

test.run()
