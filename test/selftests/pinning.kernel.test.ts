// After the kernel's selftest `pinning`: maps that are marked to be pinned by name, and those that are not.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openMap, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const custom = `${root}/custom`
const onKernel = needs(test, 'root')

/** Maps marked by name are at the root, as that test has them. */
const open = (): ObjectSpec => openObject(fixture('pinning-names'), { root, layout: 'libbpf' })

function pinned(spec: ObjectSpec = open()): BpfObject {
  const object = spec.load()
  object.pin()
  return object
}

function idAt(path: string): number {
  using map = openMap(path)
  return map.id
}

test('a way of pinning that there is not is refused when the object is opened', () => {
  const error = failure(() => openObject(fixture('pinning-invalid')))
  assert.is(error.code, 'ERR_BTF')
  assert.match(error.message, /oddly.*pinning.*2/)
})

onKernel('only the map that is marked is pinned at the root', () => {
  using object = pinned()
  assert.equal(readdirSync(root).sort(), ['by_name', 'pinning-names'])
  assert.is(idAt(`${root}/by_name`), object.maps.get('by_name').id)
  object.unpin()
})

onKernel('the pinned map outlives the process that pinned it, and is what the next one gets', () => {
  const first = pinned()
  const { id } = first.maps.get('by_name')
  first.maps.get('by_name').set(0, 5n)
  first.close()
  using again = open().load()
  assert.is(again.maps.get('by_name').id, id)
  assert.is(again.maps.get('by_name').get(0), 5n)
  using found = open().upgrade()
  assert.is(found.maps.get('by_name').id, id)
  found.unpin()
})

onKernel('what is pinned is not pinned again, neither at its place nor at another', () => {
  using object = pinned()
  const before = readdirSync(root, { recursive: true })
  assert.is(failure(() => object.pin()).code, 'ERR_PINNED')
  const elsewhere = open()
  elsewhere.maps.get('by_name').pinPath = `${root}/elsewhere`
  const error = failure(() => elsewhere.upgrade())
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, `${root}/elsewhere`)
  assert.equal(readdirSync(root, { recursive: true }), before)
  object.unpin()
})

onKernel('what was unpinned is pinned again at the same place', () => {
  using object = pinned()
  object.unpin()
  assert.equal(readdirSync(root), [])
  object.pin()
  assert.is(idAt(`${root}/by_name`), object.maps.get('by_name').id)
  object.unpin()
  assert.equal(readdirSync(root), [])
})

onKernel('a map is pinned at a path of its own, in a directory that is made for it and goes with it', () => {
  const spec = open()
  spec.maps.get('unmarked').pinPath = `${custom}/deep/unmarked`
  assert.is(spec.maps.get('unmarked').pinPath, `${custom}/deep/unmarked`)
  using object = pinned(spec)
  assert.is(idAt(`${custom}/deep/unmarked`), object.maps.get('unmarked').id)
  assert.not(existsSync(`${root}/pinning-names/maps/unmarked`))
  object.unpin()
  assert.equal(readdirSync(root), [])
})

onKernel('when one map meets another at its path, nothing of the object is created or pinned', () => {
  using object = pinned()
  const { id } = object.maps.get('by_name')
  const spec = openObject(fixture('pinning-names'), { root, name: 'second' })
  // one that nobody has, and one that a map of another type has
  spec.maps.get('unmarked').pinPath = `${root}/free`
  spec.maps.get('marked_not').pinPath = `${root}/by_name`
  const error = failure(() => spec.load())
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, /marked_not.*type.*array/s)
  assert.equal(readdirSync(root).sort(), ['by_name', 'pinning-names'])
  assert.is(idAt(`${root}/by_name`), id)
  object.unpin()
})

onKernel('the root is where one says', () => {
  using object = pinned(openObject(fixture('pinning-names'), { root: custom, layout: 'libbpf' }))
  assert.is(idAt(`${custom}/by_name`), object.maps.get('by_name').id)
  object.unpin()
  rmSync(custom, { recursive: true, force: true })
})

onKernel('a map of somebody else is used instead of its own, and pinned where the object wants it', () => {
  using theirs = openObject(fixture('pinning-names')).load()
  using given = theirs.maps.get('by_name')
  const spec = open()
  mkdirSync(custom)
  spec.maps.get('by_name').pinPath = `${custom}/by_name`
  using object = spec.load({ maps: { by_name: given } })
  object.pin()
  assert.is(object.maps.get('by_name').id, given.id)
  assert.is(idAt(`${custom}/by_name`), given.id)
  object.unpin()
  // it was there before
  assert.equal(readdirSync(root), ['custom'])
  rmSync(custom, { recursive: true })
})

test.run()
