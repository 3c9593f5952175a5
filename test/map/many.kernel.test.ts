// Many entries at once, walks while entries come and go, raw bytes, memory.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, type BpfObject, openObject, openPinned } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'

const onKernel = needs(test, 'root', 'linux 6.2')

const load = (): BpfObject => openObject(fixture('map-types')).load()

const mac = new Uint8Array(6)
const keyOf = (pid: number): { pid: number; port: number; mac: Uint8Array } => ({ pid, port: 1, mac })
const value = (bytes: bigint): Record<string, unknown> => ({
  ...{ bytes, change: 0, state: 'OPEN', name: '', parts: { low: 0, high: 0 }, seen: false, history: [0, 0] },
})
const entries = (count: number): [never, never][] =>
  // what the map's types are is only known when the object is opened
  Array.from({ length: count }, (_, i) => [keyOf(i) as never, value(BigInt(i) * 3n) as never])
const pidOf = (key: unknown): number => (key as { pid: number }).pid
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Does something on a kernel without batches. */
function withoutBatches<T>(act: () => T): T {
  const ENOTSUPP = 524
  interceptSyscalls(({ name }) => (name.endsWith('_BATCH)') ? -ENOTSUPP : undefined))
  try {
    return act()
  } finally {
    interceptSyscalls(undefined)
  }
}

/** How many system calls something makes. */
function callsOf(act: () => void): number {
  let calls = 0
  interceptSyscalls(() => {
    calls++
    return undefined
  })
  try {
    act()
  } finally {
    interceptSyscalls(undefined)
  }
  return calls
}

needs(
  test,
  'root',
  'bpftool',
  'linux 6.2',
)('thousands of entries are written, read, taken and deleted with few calls', () => {
  using object = load()
  const map = object.maps.get('hash')
  assert.ok(callsOf(() => assert.is(map.setAll(entries(1500)), 1500)) < 20)
  const dump = bpftool<unknown[]>('map', 'dump', 'id', String(map.id))
  assert.is(dump.length, 1500)
  let read: [unknown, unknown][] = []
  assert.ok(callsOf(() => (read = [...map])) < 20)
  assert.equal(
    read.map(([key]) => pidOf(key)).sort((a, b) => a - b),
    numbers(1500),
  )
  assert.equal(new Map(read.map(([key, value]) => [pidOf(key), value])).get(1499), value(4497n))
  assert.is(map.deleteAll([keyOf(7), keyOf(70000), keyOf(8), keyOf(7)] as never[]), 2)
  let taken: unknown[] = []
  assert.ok(callsOf(() => (taken = map.takeAll())) < 20)
  assert.is(taken.length, 1498)
  assert.equal([...map], [])
})

onKernel('without batches it is the same, one by one', () => {
  using object = load()
  const map = object.maps.get('hash')
  withoutBatches(() => {
    assert.is(map.setAll(entries(100)), 100)
    assert.equal(
      [...map.keys()].map(pidOf).sort((a, b) => a - b),
      numbers(100),
    )
    assert.is([...map].length, 100)
    assert.is(map.deleteAll(entries(3).map(([key]) => key)), 3)
    assert.is(map.takeAll().length, 97)
    assert.equal([...map], [])
  })
})

onKernel('per-CPU values are written and read in batches', () => {
  using object = load()
  const map = object.maps.get('lru_percpu_hash')
  // an array has all its slots, with as many values
  const cpus = (object.maps.get('percpu_array').get(0) as unknown[]).length
  const given = numbers(50).map(i => [i + 10, new Array(cpus).fill(BigInt(i))] as const)
  assert.is(map.setAll(given), 50)
  assert.equal(new Map([...map] as [number, unknown][]).get(59), new Array(cpus).fill(49n))
})

onKernel('what stops writing many says how many were written', () => {
  using object = load()
  const map = object.maps.get('hash')
  map.setAll(entries(3).slice(2))
  const error = failure(() => map.setAll(entries(10), 'create'))
  assert.is(error.code, 'EEXIST')
  assert.match(error.message, "writing to map 'hash' (after 2 entries): EEXIST")
  assert.equal([...map.keys()].map(pidOf).sort(), [0, 1, 2])
  const wrong = failure(() => map.setAll([...entries(6).slice(3), 5 as never]))
  assert.is(wrong.code, 'ERR_VALUE')
  assert.is(wrong.message, 'an entry is [key, value] (after 3 entries)')
  assert.is([...map.keys()].length, 6)
  assert.match(
    failure(() => object.maps.get('inner_a').setAll(numbers(5).map(i => [i, value(1n) as never]))).message,
    'after 4 entries',
  )
})

onKernel('a walk ends, and shows what stays once, while entries before and behind it come and go', () => {
  using object = load()
  const map = object.maps.get('hash')
  for (const walk of [() => numberedWalk(map), () => withoutBatches(() => numberedWalk(map))]) {
    map.takeAll()
    map.setAll(entries(1000))
    const { seen, steps } = walk()
    // 0 to 99 stay, each other is deleted when it is met and another added in its place
    assert.equal(
      seen.filter(pid => pid < 100).sort((a, b) => a - b),
      numbers(100),
    )
    assert.is(new Set(seen).size, seen.length)
    assert.ok(steps <= 4 * map.maxEntries)
  }
  function numberedWalk(map: BpfMap): { seen: number[]; steps: number } {
    const seen: number[] = []
    let added = 100000
    for (const key of map.keys()) {
      const pid = pidOf(key)
      seen.push(pid)
      if (pid < 100) continue
      map.delete(key)
      if (added < 103000) map.set(keyOf(added++) as never, value(0n) as never)
    }
    return { seen, steps: seen.length }
  }
})

onKernel('a prefix tree is walked to its end while the prefixes that were met are deleted', () => {
  using object = load()
  const map = object.maps.get('prefixes')
  const prefix = (i: number): never =>
    ({ length: 32, address: Uint8Array.from([10, 0, i >> 8, i & 255]) }) as never
  map.setAll(numbers(500).map(i => [prefix(i), i as never]))
  const seen: number[] = []
  for (const [key, number] of map) {
    seen.push(Number(number))
    if (Number(number) % 2 === 0) map.delete(key)
  }
  assert.equal(
    seen.sort((a, b) => a - b),
    numbers(500),
  )
  assert.is([...map].length, 250)
})

onKernel('a walk through a map that is closed meanwhile says so', () => {
  using object = load()
  const map = object.maps.get('hash').duplicate()
  map.setAll(entries(10))
  map.close()
  assert.is(failure(() => map.get(keyOf(1) as never)).code, 'ERR_CLOSED')
  for (const way of ['keys', 'values', 'entries', 'entriesRaw'] as const) {
    const open = object.maps.get('hash').duplicate()
    const error = failure(() => {
      for (const _ of open[way]()) open.close()
    })
    assert.is(error.code, 'ERR_CLOSED', way)
  }
})

onKernel('raw bytes are read and written in place', () => {
  using object = load()
  const map = object.maps.get('hash')
  const [key, bytes] = [new Uint8Array(12), new Uint8Array(40)]
  assert.is(map.getRaw(key, bytes), undefined)
  bytes[0] = 200
  map.setRaw(key, bytes)
  bytes.fill(0)
  assert.is(map.getRaw(key, bytes), bytes)
  assert.is(bytes[0], 200)
  const fresh = map.getRaw(key)!
  assert.equal(fresh, bytes)
  assert.is.not(fresh, bytes)
  assert.equal(
    Array.from(map.entriesRaw(), ([key, value]) => [key.slice(), value.slice()]),
    [[key, bytes]],
  )
  assert.is(failure(() => map.setRaw(key, bytes, 'create')).code, 'EEXIST')
  for (const wrong of [new Uint8Array(39), new Uint8Array(41), 'text', undefined])
    assert.is(failure(() => map.setRaw(key, wrong as never)).code, 'ERR_VALUE')
  assert.is(failure(() => map.getRaw(key.subarray(1))).code, 'ERR_VALUE')
})

onKernel('bytes that were handed to another thread are not written to', () => {
  using object = load()
  const map = object.maps.get('hash')
  const [key, bytes] = [new Uint8Array(12), new Uint8Array(40)]
  map.setRaw(key, bytes)
  const moved = structuredClone(bytes, { transfer: [bytes.buffer] })
  assert.is(failure(() => map.getRaw(key, bytes)).code, 'ERR_VALUE')
  assert.is(map.getRaw(key, moved), moved)
})

onKernel('an array in memory is the array that programs and bpf(2) see', () => {
  using object = load()
  const map = object.maps.get('counters')
  using memory = map.memory()
  assert.is(memory.length, 1000)
  map.set(3, 7n)
  assert.is(memory.get(3), 7n)
  object.programs.get('count').run()
  assert.is(memory.get(3), 12n)
  memory.set(999, 2n ** 64n - 1n)
  assert.is(map.get(999), 2n ** 64n - 1n)
  assert.is(
    callsOf(() => void memory.get(999)),
    0,
  )
  for (const slot of [-1, 1000, 0.5, Number.NaN]) assert.is(failure(() => memory.get(slot)).code, 'ERR_VALUE')
  assert.is(failure(() => memory.set(0, -1)).code, 'ERR_VALUE')
  memory.close()
  assert.is(failure(() => memory.get(0)).code, 'ERR_CLOSED')
  assert.is(failure(() => memory.set(0, 1n)).code, 'ERR_CLOSED')
})

onKernel('slots in memory begin at multiples of 8 bytes', () => {
  using object = load()
  const map = object.maps.get('keys')
  using memory = map.memory()
  for (const slot of [0, 1, 4]) {
    memory.set(slot, keyOf(slot + 50) as never)
    assert.equal(map.get(slot), keyOf(slot + 50))
    assert.equal(memory.get(slot), keyOf(slot + 50))
  }
  assert.is(failure(() => object.maps.get('array').memory()).code, 'ERR_UNSUPPORTED')
})

onKernel('a map that was opened for reading can be read in every way, and written in none', () => {
  const root = `${process.env.BPFPIN_TEST_ROOT}/read-only`
  using object = openObject(fixture('map-types'), { root }).load()
  object.pin()
  try {
    object.maps.get('hash').setAll(entries(3))
    object.maps.get('array_of_maps').set(0, object.maps.get('inner_b'))
    using pinned = openPinned('map-types', { root, readOnly: true })
    const map = pinned.maps.get('hash')
    assert.is([...map].length, 3)
    assert.ok(map.has(keyOf(1) as never))
    assert.instance(map.getRaw(new Uint8Array(12).fill(1, 4, 5)), Uint8Array)
    using inner = pinned.maps.get('array_of_maps').openInner(0)
    assert.ok(inner?.readOnly)
    const writes = [
      () => map.set(keyOf(1) as never, value(1n) as never),
      () => map.setRaw(new Uint8Array(12), new Uint8Array(40)),
      () => map.setAll(entries(1)),
      () => map.delete(keyOf(1) as never),
      () => map.deleteAll([]),
      () => map.take(keyOf(1) as never),
      () => map.takeAll(),
      () => pinned.maps.get('queue').push(keyOf(1) as never),
      () => pinned.maps.get('queue').pop(),
      () => pinned.maps.get('counters').memory(),
    ]
    for (const write of writes) assert.is(failure(write).code, 'ERR_READ_ONLY', String(write))
    assert.is(pinned.maps.get('queue').peek(), undefined)
    assert.is([...map].length, 3)
  } finally {
    object.unpin()
  }
})

onKernel('a value whose getter uses the map is written as it is', () => {
  using object = load()
  const map = object.maps.get('hash')
  map.setAll(entries(3))
  const copying = {
    ...value(0n),
    get bytes() {
      return (map.get(keyOf(2) as never) as { bytes: bigint }).bytes
    },
  }
  map.set(keyOf(9) as never, copying as never)
  assert.equal(map.get(keyOf(9) as never), value(6n))
})

onKernel('storage of several owners is written and deleted one after another', () => {
  using object = load()
  const map = object.maps.get('of_inode')
  const owners = ['map-types', 'runs'].map(name => ({ path: fixture(name) }))
  assert.is(map.setAll(owners.map(owner => [owner, value(4n) as never])), 2)
  assert.equal(map.get(owners[1]!), value(4n))
  assert.is(map.deleteAll([...owners, owners[0]!]), 2)
})

test.run()
