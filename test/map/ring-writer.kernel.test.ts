import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfError, BpfObject } from '../../src/index.ts'
import { needs } from '../requirements.ts'
import { type Event, expected, loadEvents } from './events.ts'

const onKernel = needs(test, 'root', 'linux 6.1')

function event(number: number): Event {
  return { ...expected(number), square: number * number }
}

/** Has the program read what is there; it adds up number times square. */
function drain(object: BpfObject): { readonly sum: unknown; readonly count: unknown } {
  object.programs.get('take_orders').run({ context: new Uint8Array(8) })
  return { sum: object.variables.get('ordered').get(), count: object.variables.get('order_count').get() }
}

onKernel('a program reads the values that are written, in one piece and once', () => {
  using object = loadEvents()
  using writer = object.maps.get('orders').writer<Event>({ type: 'event' })
  for (const number of [1, 2, 3]) assert.ok(writer.write(event(number)))
  assert.is(writer.pending, 3 * 32)
  assert.equal(drain(object), { sum: 1n + 8n + 27n, count: 3n })
  assert.is(writer.pending, 0)
  assert.equal(drain(object), { sum: 36n, count: 3n })
})

onKernel('a full ring takes nothing until the program has read', () => {
  using object = loadEvents()
  using writer = object.maps.get('orders').writer<Event>({ type: 'event' })
  let count = 0
  while (writer.write(event(1))) count++
  // 24 bytes and a header of 8
  assert.is(count, 4096 / 32)
  assert.is(writer.pending, writer.size)
  assert.equal(drain(object), { sum: 128n, count: 128n })
  assert.ok(writer.write(event(2)))
  assert.equal(drain(object), { sum: 136n, count: 129n })
})

onKernel('records keep their bytes where they go over the end of the ring', () => {
  using object = loadEvents()
  using writer = object.maps.get('orders').writer()
  // 40 bytes with the header, of which no whole number fits: ten times around
  let sum = 0n
  for (let number = 1; number <= 1024; number++) {
    const bytes = new Uint8Array(32)
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, BigInt(number), true)
    view.setUint32(8, number, true)
    assert.ok(writer.write(bytes))
    sum += BigInt(number) ** 2n
    if (number % 64 === 0) assert.equal(drain(object), { sum, count: BigInt(number) })
  }
})

onKernel('the next writer goes on where the last one stopped', () => {
  using object = loadEvents()
  const orders = object.maps.get('orders')
  for (const number of [1, 2]) {
    using writer = orders.writer<Event>({ type: 'event' })
    writer.write(event(number))
  }
  assert.equal(drain(object), { sum: 9n, count: 2n })
})

onKernel('what cannot be written is refused with the reason, and nothing of it is there', () => {
  using object = loadEvents()
  const orders = object.maps.get('orders')
  const throws = (run: () => unknown, code: string): void =>
    assert.throws(run, (error: BpfError) => error.code === code)
  const writer = orders.writer({ type: 'event' })
  throws(() => orders.writer(), 'ERR_IN_USE')
  throws(() => orders.events(), 'ERR_UNSUPPORTED')
  throws(() => object.maps.get('events').writer(), 'ERR_UNSUPPORTED')
  throws(() => writer.write({ number: 1n }), 'ERR_VALUE')
  throws(() => writer.write(new Uint8Array(4089)), 'ERR_VALUE')
  assert.is(writer.pending, 0)
  assert.ok(writer.write(new Uint8Array(4088)))
  orders.close()
  assert.ok(writer.closed)
  throws(() => writer.write(new Uint8Array(8)), 'ERR_CLOSED')
})

test.run()
