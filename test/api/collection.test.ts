import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Collection } from '../../src/api/collection.ts'
import type { Named } from '../../src/api/object-types.ts'

interface Item {
  readonly name: string
}

function named(...names: string[]): Named<Item, Record<'flows' | 'size' | 'toString' | 'left', Item>> {
  const items = names.map(name => ({ name }))
  const absent = (name: string) =>
    name === 'left' ? { problem: 'was left out', hint: 'take it' } : undefined
  return new Collection('map', items, absent) as Collection<Item, Record<string, Item>> as ReturnType<
    typeof named
  >
}

test('an item is a property under its name, the same that get() returns', () => {
  const maps = named('flows', '.bss')
  assert.is(maps.flows, maps.get('flows'))
  assert.is(Reflect.get(maps, '.bss').name, '.bss')
})

test('what the object does not have is undefined, and a promise can hold a collection', async () => {
  const maps = named('flows')
  assert.is(Reflect.get(maps, 'flws'), undefined)
  assert.is(await Promise.resolve(maps), maps)
  assert.match(inspect(maps), 'Collection')
  assert.is(`${maps}`, '[object Object]')
})

test('what the object has and is not there is told as by get()', () => {
  const maps: { readonly left?: Item } = named('flows')
  assert.throws(() => maps.left, /map 'left' was left out/)
})

test('the methods of a collection stay what they are whatever its items are called', () => {
  const maps = named('size', 'get', 'flows')
  assert.is(maps.size, 3)
  assert.is(maps.get('size').name, 'size')
  assert.is(maps.get('flows').name, 'flows')
})

test('an item called like a method of all objects is that item', () => {
  assert.equal(Reflect.get(named('toString'), 'toString'), { name: 'toString' })
})

test.run()
