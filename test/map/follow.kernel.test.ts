import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { closeFd, mapGetFdById } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { type Event, request } from './events.ts'

const onKernel = needs(test, 'root', 'linux 6.1')
const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** The fixture with a ring buffer of that size: another size is another buffer. */
function version(name: string, size: number): ObjectSpec {
  const spec = openObject(fixture('events'), { root, name })
  spec.maps.get('events').maxEntries = size
  spec.programs.get('write_samples').autoattach = false
  return spec
}

function write(object: BpfObject, first: number, count: number): void {
  request(object.programs.get('write_events'), first, count)
}

function isThere(id: number): boolean {
  const fd = mapGetFdById(id)
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}

const from = (first: number, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt(first + i))

onKernel('a reader that follows has what is left in the old buffer first', async () => {
  using old = version('follows', 0x1_0000).upgrade()
  using reading = openPinned(old.pinPath, { follow: true })
  const numbers: bigint[] = []
  write(old, 1, 3)
  const reader = reading.maps.get('events').events<Event>({ type: 'event' })
  assert.is(
    reader.take(({ number }) => numbers.push(number), 1),
    1,
  )
  const moved = once(reading, 'generation')
  using fresh = version('follows', 0x2_0000).upgrade()
  assert.is(fresh.upgraded?.maps.find(({ name }) => name === 'events')?.action, 'create')
  write(fresh, 100, 2)
  await moved
  // an old program that had not ended yet
  write(old, 4, 1)
  reader.take(({ number }) => numbers.push(number))
  assert.equal(numbers, [...from(1, 4), ...from(100, 2)])
  write(fresh, 102, 1)
  const loop = reader[Symbol.asyncIterator]()
  assert.is((await loop.next()).value?.number, 102n)
  fresh.unpin()
})

onKernel('the old buffer is let go when it is empty and no program writes to it any more', async () => {
  using old = version('settles', 0x1_0000).upgrade()
  using reading = openPinned(old.pinPath)
  const reader = reading.maps.get('events').events<Event>({ type: 'event' })
  write(old, 1, 2)
  const { id } = old.maps.get('events')
  {
    using _ = version('settles', 0x2_0000).upgrade()
  }
  old.close()
  // what is not read yet keeps it
  assert.ok(reading.refresh())
  assert.ok(isThere(id))
  assert.is(
    reader.take(() => {}),
    2,
  )
  while (isThere(id)) await nextTurn()
  assert.is(reader.pending, 0)
  assert.not(reader.closed)
  using pinned = version('settles', 0x2_0000).loadPinned()
  pinned.unpin()
})

onKernel('one that waits is woken by the new buffer', async () => {
  using old = version('wakes', 0x1_0000).upgrade()
  using reading = openPinned(old.pinPath, { follow: true })
  const loop = reading.maps.get('events').events<Event>({ type: 'event' })[Symbol.asyncIterator]()
  const next = loop.next()
  await nextTurn()
  const moved = once(reading, 'generation')
  using fresh = version('wakes', 0x2_0000).upgrade()
  await moved
  await nextTurn()
  write(fresh, 7, 1)
  assert.is((await next).value?.number, 7n)
  fresh.unpin()
})

test.run()
