import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type UpgradeOptions } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

/** A generation whose map is pinned outside, of that many entries; each has another program. */
function upgrade(maxEntries: number, isLoaded: boolean, options: UpgradeOptions): BpfObject {
  const spec = openObject(fixture('functions'), { root })
  const numbers = spec.maps.get('numbers')
  numbers.pinPath = 'elsewhere/numbers'
  numbers.maxEntries = maxEntries
  const [program] = [...spec.programs]
  if (program) program.autoload = isLoaded
  return spec.upgrade({ onMismatch: 'replace', ...options })
}

for (const keepPrevious of [true, false]) {
  const how = keepPrevious ? 'that keeps the second in its place' : 'that keeps none'
  onKernel(`a map outside that two generations had is there for a rollback after an upgrade ${how}`, () => {
    const [first, second, third] = [
      upgrade(8, true, {}),
      upgrade(8, false, { keepPrevious: true }),
      upgrade(16, false, { keepPrevious }),
    ]
    const { id } = first.maps.get('numbers')
    assert.is(second.maps.get('numbers').id, id)
    assert.is.not(third.maps.get('numbers').id, id)
    third.rollback()
    using again = upgrade(8, !keepPrevious, {})
    assert.is(again.upgraded, undefined)
    assert.is(again.maps.get('numbers').id, id)
    assert.equal(again.unpin().left, [])
    assert.equal(readdirSync(root), [])
    for (const object of [first, second, third]) object.close()
  })
}

/** Does something as if its process ended at its commit: no call is made from there on, but what an end does itself. */
function stoppedAtCommit(act: () => void): void {
  let isStopped = false
  interceptSyscalls(({ name }) => {
    isStopped ||= name === 'renameat2'
    return isStopped && name !== 'close' ? -5 : undefined
  })
  try {
    assert.is(failure(act).code, 'EIO')
  } finally {
    interceptSyscalls(undefined)
  }
}

onKernel('a map outside that is kept is there for a rollback after one that was stopped', () => {
  const [first, second] = [upgrade(8, true, {}), upgrade(16, true, { keepPrevious: true })]
  const { id } = first.maps.get('numbers')
  stoppedAtCommit(() => second.rollback())
  second.rollback()
  using again = upgrade(8, true, {})
  assert.is(again.maps.get('numbers').id, id)
  assert.equal(again.unpin().left, [])
  assert.equal(readdirSync(root), [])
  for (const object of [first, second]) object.close()
})

test.run()
