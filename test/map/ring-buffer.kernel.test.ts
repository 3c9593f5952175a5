import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfError, BpfObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'
import { type Event, expected, loadEvents, request } from './events.ts'

/** User ring buffers, of which the fixture has one, are of that kernel. */
const onKernel = needs(test, 'root', 'linux 6.1')

function write(object: BpfObject, first: number, count: number, flags = 0): void {
  request(object.programs.get('write_events'), first, count, flags)
}

onKernel('events come in their order, decoded by the type that is named', () => {
  using object = loadEvents()
  using reader = object.maps.get('events').events<Event>({ type: 'event' })
  write(object, 1, 5)
  const events: Event[] = []
  assert.is(
    reader.take(event => events.push(event)),
    5,
  )
  assert.equal(events, [1, 2, 3, 4, 5].map(expected))
  assert.is(
    reader.take(() => {}),
    0,
  )
  assert.is(reader.pending, 0)
  assert.is(reader.lost, undefined)
})

onKernel('records of all sizes keep their bytes, also where they go over the end', () => {
  using object = loadEvents()
  using reader = object.maps.get('events').events()
  let next = 1
  // 512 records of 1 to 512 bytes are 137 KB with their headers: more than twice around
  for (let first = 1; first <= 512; first += 64) {
    const context = new Uint8Array(new Uint32Array([first, 64]).buffer)
    object.programs.get('write_sizes').run({ context })
    reader.take(bytes => {
      assert.is(bytes.length, next)
      assert.ok(bytes.every((byte, i) => byte === ((next + i) & 0xff)))
      next++
    })
  }
  assert.is(next, 513)
  assert.is(object.variables.get('refused').get(), 0n)
})

onKernel('records that the program threw away are passed over', () => {
  using object = loadEvents()
  using reader = object.maps.get('events').events<Event>({ type: 'event' })
  const context = new Uint8Array(24)
  context[0] = 10
  object.programs.get('write_and_discard').run({ context })
  const numbers: bigint[] = []
  reader.take(({ number }) => numbers.push(number))
  assert.equal(numbers, [10n, 12n, 14n, 16n])
  assert.is(reader.pending, 0)
})

onKernel(
  'records are handed over once, also where the callback takes the rest and some that came since',
  () => {
    using object = loadEvents()
    using reader = object.maps.get('events').events()
    write(object, 0, 2000)
    const numbers: bigint[] = []
    const note = (bytes: Uint8Array, offset: number): void => {
      numbers.push(new DataView(bytes.buffer).getBigUint64(offset, true))
    }
    reader.takeRaw((bytes, offset) => {
      note(bytes, offset)
      if (numbers.length > 1) return
      reader.takeRaw(note)
      write(object, 2000, 5)
      reader.takeRaw(note, 1)
    })
    assert.equal(
      numbers,
      Array.from({ length: 2005 }, (_, i) => BigInt(i)),
    )
    assert.is(reader.pending, 0)
  },
)

onKernel('a callback that is no function is refused, and no record is taken for it', async () => {
  using object = loadEvents()
  using reader = object.maps.get('events').events()
  write(object, 0, 2)
  const before = reader.pending
  for (const wrong of [undefined, null, 3, {}] as never[]) {
    assert.is(failure(() => reader.take(wrong)).code, 'ERR_VALUE')
    assert.is(failure(() => reader.takeRaw(wrong)).code, 'ERR_VALUE')
    for (const promise of [reader.each(wrong), reader.eachRaw(wrong)])
      assert.is(await promise.catch(error => (error as BpfError).code), 'ERR_VALUE')
  }
  assert.is(reader.pending, before)
  assert.is(
    reader.take(() => {}),
    2,
  )
})

onKernel('what is not taken stays in the buffer, and the program is refused when it is full', async () => {
  using object = loadEvents()
  const events = object.maps.get('events')
  // an event of 24 bytes and its header are 32: so many fit in 64 KB, less one as a full ring would look empty
  const room = (64 * 1024) / 32 - 1
  {
    using reader = events.events<Event>({ type: 'event' })
    write(object, 0, 3000)
    assert.is(reader.pending, room * 32)
    assert.is(
      reader.take(() => {}, 10),
      10,
    )
    assert.is(reader.pending, (room - 10) * 32)
  }
  const written = Number(object.variables.get('written').get())
  assert.is(written, room)
  assert.is(written + Number(object.variables.get('refused').get()), 3000)
  // the next reader goes on where this one stopped
  let next = 10
  for await (const event of events.events<Event>({ type: 'event' })) {
    assert.equal(event, expected(next++))
    if (next === room) break
  }
  using reader = events.events()
  assert.is(reader.pending, 0)
})

onKernel('a waiting loop gets what comes, and a callback too', async () => {
  using object = loadEvents()
  const events = object.maps.get('events')
  const iterator = events.events<Event>({ type: 'event' })[Symbol.asyncIterator]()
  const first = iterator.next()
  const second = iterator.next()
  write(object, 7, 2)
  assert.equal((await first).value, expected(7))
  assert.equal((await second).value, expected(8))
  const third = iterator.next()
  assert.is((await iterator.return?.())?.done, true)
  assert.is((await third).done, true)
  assert.is((await iterator.next()).done, true)

  const numbers: bigint[] = []
  const reader = events.events<Event>({ type: 'event' })
  const done = reader.each(({ number }) => {
    numbers.push(number)
    if (number === 42n) reader.close()
  })
  write(object, 41, 3)
  await done
  assert.equal(numbers, [41n, 42n])
  // what comes after the close was not taken
  using last = events.events<Event>({ type: 'event' })
  last.take(({ number }) => assert.is(number, 43n))
})

onKernel('raw records lie in memory that outlives the buffer', () => {
  using object = loadEvents()
  const reader = object.maps.get('events').events()
  write(object, 3, 1)
  let kept: Uint8Array = new Uint8Array(0)
  reader.takeRaw((bytes, offset, length) => {
    assert.is(length, 24)
    assert.is(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true), 3n)
    kept = bytes
    reader.close()
  })
  // written to and read after the unmapping
  kept.fill(1)
  assert.is(kept.at(-1), 1)
  assert.throws(
    () => reader.take(() => {}),
    (error: BpfError) => error.code === 'ERR_CLOSED',
  )
})

onKernel(
  'records without a wake-up are there for who asks, and come with the next that has one',
  async () => {
    using object = loadEvents()
    const events = object.maps.get('events')
    const [NO_WAKEUP, FORCE_WAKEUP] = [1, 2]
    const numbers: bigint[] = []
    using reader = events.events<Event>({ type: 'event' })
    void reader.each(({ number }) => numbers.push(number))
    await nextTurn()
    await nextTurn()
    write(object, 1, 2, NO_WAKEUP)
    for (let i = 0; i < 5; i++) await nextTurn()
    assert.equal(numbers, [])
    assert.is(
      reader.take(({ number }) => numbers.push(number), 1),
      1,
    )
    write(object, 3, 1, FORCE_WAKEUP)
    while (numbers.length < 3) await nextTurn()
    assert.equal(numbers, [1n, 2n, 3n])
  },
)

onKernel('the signal, and closing the map, end the reading', async () => {
  using object = loadEvents()
  const events = object.maps.get('events')
  const stop = new AbortController()
  const loop = (async () => {
    for await (const _ of events.events({ signal: stop.signal })) assert.unreachable()
  })()
  await nextTurn()
  stop.abort()
  await loop
  for await (const _ of events.events({ signal: AbortSignal.abort() })) assert.unreachable()
  const reader = events.events()
  const done = reader.each(() => {})
  events.close()
  await done
  assert.ok(reader.closed)
})

onKernel('what a callback throws comes out of the promise, and its record is taken', async () => {
  using object = loadEvents()
  const events = object.maps.get('events')
  write(object, 1, 3)
  const reader = events.events<Event>({ type: 'event' })
  const failure = new Error('no')
  const thrown = await reader
    .each(() => {
      throw failure
    })
    .catch(error => error)
  assert.is(thrown, failure)
  assert.ok(reader.closed)
  using next = events.events<Event>({ type: 'event' })
  next.take(({ number }) => assert.is(number, 2n), 1)
})

onKernel('a record that is shorter than its type is refused with both sizes', async () => {
  using object = loadEvents()
  const context = new Uint8Array(new Uint32Array([5, 1]).buffer)
  object.programs.get('write_sizes').run({ context })
  const reader = object.maps.get('events').events({ type: 'event' })
  try {
    for await (const _ of reader) assert.unreachable()
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code: string }).code, 'ERR_VALUE')
    assert.match((error as Error).message, "has 5 bytes, and 'event', which it was to be, has 24")
  }
})

onKernel('a function says of each record which type it has', () => {
  using object = loadEvents()
  using reader = object.maps
    .get('events')
    .events({ type: bytes => (bytes.length === 24 ? 'event' : 'sizes') })
  write(object, 6, 1)
  object.programs.get('write_sizes').run({ context: new Uint8Array(new Uint32Array([8, 1]).buffer) })
  const events: unknown[] = []
  reader.take(event => events.push(event))
  // bytes 8, 9, 10, ... as two u32
  assert.equal(events, [expected(6), { first: 0x0b0a0908, count: 0x0f0e0d0c }])
})

onKernel('what cannot be read is refused with the reason', () => {
  using object = loadEvents()
  const events = object.maps.get('events')
  const code = (run: () => unknown): string => {
    try {
      run()
    } catch (error) {
      return (error as { code: string }).code
    }
    return 'nothing was thrown'
  }
  assert.is(
    code(() => events.events({ type: 'evnet' })),
    'ERR_UNKNOWN_NAME',
  )
  assert.throws(() => events.events({ type: 'evnet' }), /did you mean 'event'/)
  assert.is(
    code(() => object.maps.get('.bss').events()),
    'ERR_UNSUPPORTED',
  )
  using reader = events.events()
  assert.is(
    code(() => events.events()),
    'ERR_IN_USE',
  )
  void reader.each(() => {})
  assert.is(
    code(() => reader[Symbol.asyncIterator]()),
    'ERR_IN_USE',
  )
})

onKernel('the event loop has its turns while there is always something to read', async () => {
  using object = loadEvents()
  let turns = 0
  let isDone = false
  const count = async (): Promise<void> => {
    while (!isDone) {
      turns++
      await nextTurn()
    }
  }
  const counting = count()
  let events = 0
  write(object, 0, 2000)
  for await (const _ of object.maps.get('events').events()) {
    // as much comes as goes
    if (++events % 1000 === 0) write(object, 0, 1000)
    if (events === 20_000) break
  }
  isDone = true
  await counting
  assert.ok(turns >= 15, `${turns} turns`)
})

test.run()
