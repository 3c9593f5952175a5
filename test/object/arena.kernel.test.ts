import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, ElfError, openObject } from '../../src/index.ts'
import { needs } from '../requirements.ts'

const objectAt = (name: string): string => new URL(`../parity/${name}.bpf.o`, import.meta.url).pathname
const withArenas = needs(test, 'root', 'linux 6.9')

withArenas('programs find the variables of an arena with their values, and what they write is read', () => {
  const spec = openObject(objectAt('map-arena-variables'))
  assert.equal(spec.variables.get('pair').get(), { first: 7, second: 9 })
  spec.variables.get('pair').set({ first: 3, second: 4 })
  using object = spec.load()
  const value = (name: string): unknown => object.variables.get(name).get()
  assert.is(value('start'), 41)
  assert.is(object.programs.get('use').run().returnValue, 42)
  assert.is(value('start'), 42)
  assert.is(value('zero'), 3004n)
  assert.is(value('hidden'), 6)
  assert.is((value('many') as number[])[1249], 5)
  object.variables.get('start').set(99)
  assert.is(object.programs.get('use').run().returnValue, 100)
})

withArenas('an arena that is given keeps what it holds, and shows its variables to nobody else', () => {
  using first = openObject(objectAt('map-arena-variables')).load()
  first.programs.get('use').run()
  using second = openObject(objectAt('map-arena-variables')).load({
    maps: { pages: first.maps.get('pages') },
  })
  assert.is(second.programs.get('use').run().returnValue, 43)
  assert.is(first.variables.get('start').get(), 43)
  assert.throws(
    () => second.variables.get('start'),
    /is in the arena 'pages', which was not made by this object/,
  )
})

withArenas('an arena lies where its definition says', () => {
  const address = 1n << 44n
  const spec = openObject(objectAt('map-arena-variables'))
  spec.maps.get('pages').mapExtra = address
  using object = spec.load()
  assert.is(object.programs.get('use').run().returnValue, 42)
  // where the first one is, no second can be
  assert.throws(
    () => spec.load(),
    (error: BpfError) =>
      error.code === 'EEXIST' && /arena 'pages' of 16384 bytes at 0x100000000000/.test(error.message),
  )
})

withArenas('an arena with less room than its variables need is refused', () => {
  assert.throws(
    () => openObject(objectAt('refused/arena-small')).load(),
    (error: BpfError) =>
      error.code === 'ERR_VALUE' && /has 4096 bytes, its variables have 5000/.test(error.message),
  )
})

test('variables of an arena need one arena, and no more', () => {
  assert.throws(
    () => openObject(objectAt('refused/arena-missing')),
    (error: Error) => error instanceof ElfError && /defines none/.test(error.message),
  )
  assert.throws(() => openObject(objectAt('refused/arenas-two')), /others: is a second arena beside 'pages'/)
})

test.run()
