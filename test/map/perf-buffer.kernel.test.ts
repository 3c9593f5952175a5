import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type BpfObject, openPinned } from '../../src/index.ts'
import { needs } from '../requirements.ts'
import { type Event, expected, loadEvents } from './events.ts'

/** User ring buffers, of which the fixture has one, are of that kernel. */
const onKernel = needs(test, 'root', 'linux 6.1')

/** The program writes 256 at most in one run. */
function write(object: BpfObject, first: number, count: number, cpu?: number): void {
  const context = new Uint8Array(new BigUint64Array([first, count].map(BigInt)).buffer)
  object.programs.get('write_samples').run({ context, ...(cpu === undefined ? {} : { cpu }) })
}

function counted(object: BpfObject): { readonly written: number; readonly refused: number } {
  const count = (name: string): number => Number(object.variables.get(name).get())
  return { written: count('written'), refused: count('refused') }
}

onKernel('samples of each CPU come decoded, in its order', () => {
  using object = loadEvents()
  const cpus = [0, 1]
  using reader = object.maps.get('samples').events<Event>({ type: 'event' })
  for (const cpu of cpus) write(object, 100 * (cpu + 1), 5, cpu)
  assert.equal(counted(object), { written: 10, refused: 0 })
  const events: Event[] = []
  assert.is(
    reader.take(event => events.push(event)),
    10,
  )
  for (const cpu of cpus) {
    const first = 100n * BigInt(cpu + 1)
    const ofCpu = events.filter(({ number }) => number >= first && number < first + 100n)
    assert.equal(
      ofCpu,
      [0, 1, 2, 3, 4].map(i => expected(Number(first) + i)),
    )
  }
  assert.is(reader.pending, 0)
  assert.is(reader.lost, 0)
})

onKernel('raw samples say which CPU wrote them', () => {
  using object = loadEvents()
  using reader = object.maps.get('samples').events()
  const seen: unknown[] = []
  for (const cpu of [1, 0]) {
    write(object, cpu, 1, cpu)
    reader.takeRaw((bytes, offset, length, from) => {
      // 24 bytes, and 4 so that the next header is at a multiple of 8
      seen.push([length, new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true), from])
    })
  }
  assert.equal(seen, [
    [28, 1n, 1],
    [28, 0n, 0],
  ])
})

onKernel('what a full buffer does not take is counted as lost', () => {
  using object = loadEvents()
  using reader = object.maps.get('samples').events<Event>({ type: 'event', bytesPerCpu: 4096 })
  for (let first = 0; first < 2000; first += 200) write(object, first, 200, 0)
  const { written, refused } = counted(object)
  assert.is(written + refused, 2000)
  assert.is(
    reader.take(() => {}),
    written,
  )
  // the kernel says it in front of the next sample that fits
  write(object, 5000, 1, 0)
  const events: Event[] = []
  reader.take(event => events.push(event))
  assert.equal(events, [expected(5000)])
  assert.is(reader.lost, refused)
})

onKernel('samples keep their bytes where they go over the end of the buffer', () => {
  using object = loadEvents()
  using reader = object.maps.get('samples').events<Event>({ type: 'event', bytesPerCpu: 4096 })
  // a sample takes 40 bytes, of which no whole number fits: ten times around
  let next = 0
  for (let first = 0; first < 1000; first += 50) {
    write(object, first, 50, 0)
    reader.take(event => assert.equal(event, expected(next++)))
  }
  assert.is(next, 1000)
  assert.is(reader.lost, 0)
})

onKernel('a loop waits for samples of all CPUs', async () => {
  using object = loadEvents()
  const numbers: bigint[] = []
  const writing = (async () => {
    for (let i = 1; i <= 6; i++) {
      await nextTurn()
      await nextTurn()
      write(object, i, 1, i % 2)
    }
  })()
  for await (const { number } of object.maps.get('samples').events<Event>({ type: 'event' })) {
    numbers.push(number)
    if (numbers.length === 6) break
  }
  await writing
  assert.equal(numbers.sort(), [1n, 2n, 3n, 4n, 5n, 6n])
  // without a reader there is no buffer
  write(object, 7, 1)
  assert.is(counted(object).refused, 1)
  // and with the next there is one again
  using reader = object.maps.get('samples').events<Event>({ type: 'event' })
  write(object, 8, 1)
  assert.is(
    reader.take(({ number }) => assert.is(number, 8n)),
    1,
  )
})

onKernel('a perf buffer is refused a second reader, a size that cannot be, and one who may only read', () => {
  using object = loadEvents()
  const samples = object.maps.get('samples')
  const throws = (run: () => unknown, code: string): void =>
    assert.throws(run, (error: BpfError) => error.code === code)
  for (const bytesPerCpu of [0, -1, Number.NaN, 2 ** 40])
    throws(() => samples.events({ bytesPerCpu }), 'ERR_VALUE')
  {
    using _ = samples.events()
    throws(() => samples.events(), 'ERR_IN_USE')
  }
  samples.events().close()
})

onKernel('buffers of a pinned object are read by whoever opens it, but not for reading only', () => {
  using object = loadEvents(process.env.BPFPIN_TEST_ROOT)
  object.pin()
  {
    using pinned = openPinned(object.pinPath)
    using reader = pinned.maps.get('samples').events<Event>({ type: 'event' })
    write(object, 3, 1)
    const events: Event[] = []
    reader.take(event => events.push(event))
    assert.equal(events, [expected(3)])
  }
  using readOnly = openPinned(object.pinPath, { readOnly: true })
  for (const name of ['samples', 'events'])
    assert.throws(
      () => readOnly.maps.get(name).events(),
      (error: BpfError) => error.code === 'ERR_READ_ONLY',
    )
  object.unpin()
})

test.run()
