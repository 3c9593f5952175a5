import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject, type PinMismatchError } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

const open = (pair: string, side: 'old' | 'new', name = 'pair'): ObjectSpec =>
  openObject(pairObject(pair, side), { root, name })

onKernel('a pinned map of equal sizes whose fields lie elsewhere is used by nobody', () => {
  using object = open('moved', 'old').upgrade()
  object.maps.get('flows').set(1, { packets: 2n, bytes: 3n })
  const before = tree()
  const attempts = [
    () => open('moved', 'new').load(),
    () => open('moved', 'new').loadPinned(),
    () => open('moved', 'new').upgrade(),
  ]
  for (const attempt of attempts) {
    const error = failure(attempt) as PinMismatchError
    assert.is(error.code, 'ERR_PIN_MISMATCH')
    assert.match(error.message, "map 'flows': value.bytes: u64 at 8 -> u64 at 0 (moved)")
    assert.is(error.verdicts[0]?.verdict, 'convertible')
  }
  assert.equal(tree(), before)
  assert.equal(object.maps.get('flows').get(1), { packets: 2n, bytes: 3n })
  object.unpin()
})

for (const pair of ['type-name', 'padding-filled', 'enum-added', 'union-around', 'key-type-name']) {
  onKernel(`a pinned map is used as it is across the pair ${pair}`, () => {
    using object = open(pair, 'old').upgrade()
    using loaded = open(pair, 'new').load()
    using found = open(pair, 'new').upgrade()
    const ids = [object, loaded, found].map(({ maps }) => maps.get('flows').id)
    assert.is(new Set(ids).size, 1)
    object.unpin()
  })
}

onKernel('the map of another object is compared by the types that the kernel keeps of it', () => {
  const shared = (pair: string, side: 'old' | 'new', name: string): ObjectSpec => {
    const spec = open(pair, side, name)
    spec.maps.get('flows').pinPath = 'shared-flows'
    return spec
  }
  using first = shared('moved', 'old', 'first').upgrade()
  const error = failure(() => shared('moved', 'new', 'second').upgrade())
  assert.match(error.message, 'value.bytes: u64 at 8 -> u64 at 0 (moved)')
  using second = shared('moved', 'old', 'second').upgrade()
  assert.is(second.maps.get('flows').id, first.maps.get('flows').id)
  second.unpin()
  first.unpin()
})

onKernel('a map of maps is compared by what it holds, too', () => {
  using object = open('inner-signed', 'old').upgrade()
  const error = failure(() => open('inner-signed', 'new').load())
  assert.match(error.message, 'inner value: u32 at 0 -> s32 at 0 (signed: unsigned to signed)')
  using again = open('inner-signed', 'old').load()
  assert.is(again.maps.get('flows').id, object.maps.get('flows').id)
  object.unpin()
})

onKernel('a map that is given to load() must have the layout that the object asks for', () => {
  using old = open('moved', 'old').load()
  const flows = old.maps.get('flows')
  const error = failure(() => open('moved', 'new').load({ maps: { flows } }))
  assert.match(error.message, 'value.bytes: u64 at 8 -> u64 at 0 (moved)')
  using again = open('moved', 'old').load({ maps: { flows } })
  assert.is(again.maps.get('flows').id, flows.id)
})

test.run()
