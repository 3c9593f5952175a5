import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { type Event, expected, request } from './events.ts'

/** User ring buffers, of which the fixture has one, are of that kernel. */
const onKernel = needs(test, 'root', 'linux 6.1')
const root = process.env.BPFPIN_TEST_ROOT ?? ''

function pinned(name: string): BpfObject {
  const object = openObject(fixture('events'), { root, name }).load()
  object.pin()
  return object
}

function start(script: string, ...args: (string | number)[]): ChildProcess {
  const path = new URL(script, import.meta.url).pathname
  return spawn(process.execPath, [...process.execArgv, path, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

onKernel('of a million events of another process none is lost, and memory stays as it is', async () => {
  const mebibyte = 2 ** 20
  const spec = openObject(fixture('events'), { root, name: 'million' })
  spec.maps.get('events').maxEntries = mebibyte
  using object = spec.load()
  object.pin()
  const events = object.maps.get('events')
  const writer = start('event-writer.ts', object.pinPath, 'write_events', 0, 2000, 0, 1_000_000)
  let count = 0
  let last = -1n
  let before = 0
  const check = ({ number, square }: Event): void => {
    if (++count === 100_000) before = process.memoryUsage().rss
    // those that were refused are missing: numbers have gaps, but only grow
    if (number <= last || square !== Number(BigInt.asUintN(32, number * number))) assert.unreachable()
    last = number
  }
  {
    using reader = events.events<Event>({ type: 'event' })
    void reader.each(check)
    assert.equal(await once(writer, 'exit'), [0, null])
  }
  const grown = process.memoryUsage().rss - before
  // what was written last may still be there
  using reader = events.events<Event>({ type: 'event' })
  reader.take(check)
  assert.is(count, Number(object.variables.get('written').get()))
  assert.ok(count >= 1_000_000)
  // objects of 900,000 events would take hundreds
  assert.ok(grown < 32 * mebibyte, `${grown} bytes more`)
  object.unpin()
})

onKernel(
  'a record that is reserved first and submitted last comes first, and nothing overtakes it',
  async () => {
    using object = pinned('late')
    const writer = start('event-writer.ts', object.pinPath, 'write_late', 100, 300, 0, 0)
    const events: Event[] = []
    for await (const event of object.maps.get('events').events<Event>({ type: 'event' })) {
      events.push(event)
      if (events.length === 2) break
    }
    assert.equal(events, [100, 101].map(expected))
    // what the program saw before it submitted the first: the reader stood before both of them, 32 bytes each
    assert.is(object.variables.get('consumer_at_busy').get(), 0n)
    assert.is(object.variables.get('available_at_busy').get(), 64n)
    await once(writer, 'exit')
    object.unpin()
  },
)

onKernel('a process ends by itself when all that is left is an idle reader without a reference', async () => {
  using object = pinned('idle')
  const idle = start('event-consumer.ts', object.pinPath, 'unref')
  assert.equal(await once(idle, 'exit'), [0, null])
  const waiting = start('event-consumer.ts', object.pinPath, 'until-0')
  const lines: unknown[] = []
  const ended = once(waiting, 'exit')
  for await (const line of createInterface({ input: waiting.stdout! })) {
    const said = JSON.parse(line)
    lines.push(said)
    // it is still there, and waits
    if (said === 'ready') request(object.programs.get('write_events'), 5, 1)
    if (said === 5) request(object.programs.get('write_events'), 0, 1)
  }
  assert.equal(await ended, [0, null])
  assert.equal(lines, ['ready', 5, 0])
  object.unpin()
})

onKernel('a worker reads', async () => {
  using object = pinned('worker')
  const path = new URL('event-worker.ts', import.meta.url)
  const worker = new Worker(path, { workerData: object.pinPath, execArgv: process.execArgv })
  assert.equal(await once(worker, 'message'), ['ready'])
  request(object.programs.get('write_events'), 9, 1)
  assert.equal(await once(worker, 'message'), [expected(9)])
  // it closes the reader, and nothing keeps it
  worker.postMessage('close')
  await once(worker, 'exit')
  object.unpin()
})

onKernel('a worker can be ended while it reads, and while it waits', async () => {
  using object = pinned('ended')
  assert.equal(await once(start('ended-workers.ts', object.pinPath, 2), 'exit'), [0, null])
  // the next reader finds what is left
  using reader = object.maps.get('events').events()
  reader.take(() => {})
  assert.is(reader.pending, 0)
  object.unpin()
})

onKernel('two processes that read one buffer are told, and nobody reads what is no record', async () => {
  using object = pinned('two')
  using mine = object.maps.get('events').events<Event>({ type: 'event' })
  const other = start('event-consumer.ts', object.pinPath, 'until-0')
  const ended = once(other, 'exit')
  const lines = createInterface({ input: other.stdout! })[Symbol.asyncIterator]()
  assert.is((await lines.next()).value, '"ready"')
  request(object.programs.get('write_events'), 0, 1)
  assert.is((await lines.next()).value, '0')
  await ended
  assert.throws(
    () => mine.take(() => {}),
    (error: { code: string }) => error.code === 'ERR_IN_USE',
  )
  object.unpin()
})

test.run()
