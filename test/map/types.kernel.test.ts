// Every type of map whose contents user space can reach, held against bpftool.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmdirSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, type BpfObject, openObject } from '../../src/index.ts'
import { closeFd, getAffinity, perfEventOpen } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool, opened } from '../syscall/bpftool.ts'

const onKernel = needs(test, 'root', 'bpftool', 'linux 6.2')

/** PERF_TYPE_SOFTWARE */
const softwareEvents = 1

const load = (): BpfObject => openObject(fixture('map-types')).load()

const id = (map: BpfMap): string => String(map.id)
const hex = (bytes: Uint8Array): string[] => [
  'hex',
  ...Array.from(bytes, byte => byte.toString(16).padStart(2, '0')),
]
const bytesIn = (text: readonly string[]): Uint8Array => Uint8Array.from(text, Number)

interface Dumped {
  readonly key: readonly string[]
  readonly value: readonly string[]
  readonly formatted?: { readonly key: unknown; readonly value: Readonly<Record<string, unknown>> }
}

/** struct key of map-types.bpf.c, as C lays it out. */
const key = { pid: 0x01020304, port: 0xabcd, mac: Uint8Array.from([1, 2, 3, 4, 5, 6]) }
const keyBytes = Uint8Array.from([4, 3, 2, 1, 0xcd, 0xab, 1, 2, 3, 4, 5, 6])

/** struct value of map-types.bpf.c: 8 + 4 + 4 + 8 bytes, 2 of bit-fields, a bool, padding, 2 * 4, padding. */
const value = {
  bytes: 2n ** 63n + 1n,
  change: -2,
  state: 'HALF_OPEN',
  name: 'abc',
  parts: { low: 5, high: 0x123 },
  seen: true,
  history: [7, 0xffffffff],
}
const valueBytes = Uint8Array.from([
  ...[1, 0, 0, 0, 0, 0, 0, 0x80],
  ...[0xfe, 0xff, 0xff, 0xff],
  ...[7, 0, 0, 0],
  ...[0x61, 0x62, 0x63, 0, 0, 0, 0, 0],
  ...[0x35, 0x12, 1, 0],
  ...[7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  ...[0, 0, 0, 0],
])

onKernel('what a hash is given by its fields bpftool finds as C lays it out, and the other way round', () => {
  using object = load()
  for (const name of ['hash', 'lru_hash']) {
    const map = object.maps.get(name)
    map.set(key, value)
    const found = bpftool<Dumped>('map', 'lookup', 'id', id(map), 'key', ...hex(keyBytes))
    assert.equal(bytesIn(found.value), valueBytes, name)
    assert.is(found.formatted?.value.change, -2)
    assert.ok(map.delete(key))
    assert.not(map.delete(key))
    bpftoolUpdate(map, keyBytes, valueBytes)
    assert.equal(map.get(key), value)
    assert.equal(map.get(keyBytes), value)
    assert.ok(map.has(key))
    assert.equal([...map.keys()], [key])
    assert.equal([...map.values()], [value])
    assert.equal([...map], [[key, value]])
    assert.equal(map.take(key), value)
    assert.is(map.take(key), undefined)
    assert.is(map.get(key), undefined)
    assert.not(map.has(key))
  }
})

onKernel('a value that does not fit names its field, and nothing is written', () => {
  using object = load()
  const map = object.maps.get('hash')
  const wrong = [
    [{ ...value, change: 2 ** 31 }, 'value.change: 2147483648 does not fit s32 (-2147483648..2147483647)'],
    [{ ...value, parts: { low: 16, high: 0 } }, 'value.parts.low: 16 does not fit u4 (0..15)'],
    [{ ...value, state: 'AJAR' }, 'value.state: enum state has no'],
    [{ ...value, name: 'nine byte' }, 'value.name: '],
    [{ ...value, history: [1] }, 'value.history: has 1 elements; the array has 2'],
    [valueBytes.subarray(1), "a value of map 'hash' is 40 bytes, got 39"],
    [undefined, 'value: undefined is not'],
    [null, 'value'],
  ] as const
  for (const [given, message] of wrong) {
    // what JavaScript could give
    const error = failure(() => map.set(key, given as never))
    assert.ok(['ERR_VALUE', 'ERR_UNKNOWN_NAME'].includes(error.code), error.code)
    assert.ok(error.message.startsWith(message), error.message)
  }
  assert.equal([...map.keys()], [])
  assert.match(
    failure(() => map.get({ pid: 1, port: 70000, mac: key.mac })).message,
    'key.port: 70000 does not',
  )
})

onKernel('an entry is written only where it is new, or only where it is there', () => {
  using object = load()
  const map = object.maps.get('hash')
  assert.is(failure(() => map.set(key, value, 'replace')).code, 'ENOENT')
  map.set(key, value, 'create')
  assert.is(failure(() => map.set(key, value, { mode: 'create' })).code, 'EEXIST')
  map.set(key, { ...value, seen: false }, { mode: 'replace' })
  assert.is((map.get(key) as typeof value).seen, false)
  assert.is(failure(() => map.set(key, value, 'never' as never)).code, 'ERR_VALUE')
  assert.is(failure(() => map.set(key, value, { lock: true })).code, 'EINVAL')
})

onKernel('values with a lock are read and written under it', () => {
  using object = load()
  const map = object.maps.get('locked')
  map.set(1, new Uint8Array(12))
  map.set(1, Uint8Array.from([0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0]), { lock: true })
  assert.equal((map.get(1, { lock: true }) as { pair: unknown }).pair, [9, 8])
  assert.equal(([...map.values({ lock: true })][0] as { pair: unknown }).pair, [9, 8])
})

onKernel('per-CPU values are an array with one a CPU, as bpftool lists them', () => {
  using object = load()
  for (const [name, entry] of [
    ['percpu_array', 1],
    ['lru_percpu_hash', 77],
  ] as const) {
    const map = object.maps.get(name)
    const cpus = bpftoolPossible(map, entry)
    const values = Array.from({ length: cpus }, (_, cpu) =>
      name === 'percpu_array' ? cpu + 1 : BigInt(cpu + 1),
    )
    map.set(entry, values)
    assert.equal(map.get(entry), values)
    const dump = bpftool<{ values: { cpu: number; value: string[] }[] }>(
      ...['map', 'lookup', 'id', id(map), 'key', ...hex(Uint8Array.from([entry, 0, 0, 0]))],
    )
    assert.equal(
      dump.values.map(({ cpu, value: [low] }) => [cpu, Number(low)]),
      values.map((_, cpu) => [cpu, cpu + 1]),
    )
    assert.match(failure(() => map.set(entry, 5)).message, `an array with the values of ${cpus} CPUs`)
  }
})

onKernel('the slots of an array are always there, and say so', () => {
  using object = load()
  const map = object.maps.get('array')
  map.set(3, value)
  assert.equal(map.get(3), value)
  assert.is([...map].length, 4)
  assert.is(failure(() => map.set(4, value)).code, 'E2BIG')
  assert.is(map.get(4), undefined)
  const error = failure(() => map.delete(1))
  assert.is(error.code, 'ERR_UNSUPPORTED')
  assert.match(error.message, "deleting from map 'array', which is of type array: its slots are always there")
  assert.is(failure(() => map.takeAll()).code, 'ERR_UNSUPPORTED')
})

onKernel('a prefix tree finds the longest prefix of an address', () => {
  using object = load()
  const map = object.maps.get('prefixes')
  const prefix = (length: number, ...address: number[]): { length: number; address: Uint8Array } => ({
    length,
    address: Uint8Array.from(address),
  })
  map.set(prefix(8, 10, 0, 0, 0), 8)
  map.set(prefix(24, 10, 1, 2, 0), 24)
  assert.is(map.get(prefix(32, 10, 1, 2, 3)), 24)
  assert.is(map.get(prefix(32, 10, 9, 9, 9)), 8)
  assert.is(map.get(prefix(32, 11, 0, 0, 0)), undefined)
  const dump = bpftool<Dumped[]>('map', 'dump', 'id', id(map))
  assert.equal([...map].length, dump.length)
  assert.ok(map.delete(prefix(8, 10, 0, 0, 0)))
  assert.equal([...map], [[prefix(24, 10, 1, 2, 0), 24]])
})

onKernel('a queue gives back its oldest element, a stack its newest', () => {
  using object = load()
  const queue = object.maps.get('queue')
  const element = (pid: number): typeof key => ({ ...key, pid })
  for (const pid of [1, 2, 3]) queue.push(element(pid))
  assert.is(failure(() => queue.push(element(4))).code, 'E2BIG')
  queue.push(element(4), { evict: true })
  assert.equal(queue.peek(), element(2))
  const peeked = bpftool<{ value: string[] }>('map', 'peek', 'id', id(queue))
  assert.is(bytesIn(peeked.value)[0], 2)
  assert.equal([queue.pop(), queue.pop(), queue.pop()], [element(2), element(3), element(4)])
  assert.is(queue.pop(), undefined)
  assert.is(queue.peek(), undefined)
  const stack = object.maps.get('stack')
  stack.push(1)
  stack.push(2n ** 60n)
  assert.equal([stack.pop(), stack.peek(), stack.pop()], [2n ** 60n, 1n, 1n])
  for (const act of [() => [...queue], () => queue.delete([]), () => object.maps.get('hash').pop()])
    assert.is(failure(act).code, 'ERR_UNSUPPORTED')
})

onKernel('a bloom filter knows what was put into it', () => {
  using object = load()
  const bloom = object.maps.get('bloom')
  assert.not(bloom.has(key))
  bloom.push(key)
  assert.ok(bloom.has(key))
  assert.is(failure(() => bloom.get([])).code, 'ERR_UNSUPPORTED')
  assert.is(failure(() => bloom.pop()).code, 'ERR_UNSUPPORTED')
  assert.match(failure(() => [...bloom.keys()]).message, 'it only knows whether a value was put into it')
})

onKernel('a map of maps is given maps, reads as their ids, and opens them with their types', () => {
  using object = load()
  const { maps } = object
  const [slots, byKey, a, b] = [
    maps.get('array_of_maps'),
    maps.get('hash_of_maps'),
    maps.get('inner_a'),
    maps.get('inner_b'),
  ]
  assert.is(slots.get(1), a.id)
  slots.set(2, b)
  byKey.set(key, b.fd)
  assert.equal([...byKey], [[key, b.id]])
  assert.equal([...slots.values()], [a.id, b.id])
  a.set(9, value)
  {
    using inner = slots.openInner(1)!
    assert.is(inner.id, a.id)
    assert.equal(inner.get(9), value)
    inner.set(10, { ...value, state: 'OPEN' })
  }
  assert.is((a.get(10) as typeof value).state, 'OPEN')
  assert.is(slots.openInner(0), undefined)
  assert.ok(slots.delete(2))
  assert.is(slots.get(2), undefined)
  assert.is(failure(() => a.openInner(9)).code, 'ERR_UNSUPPORTED')
  assert.is(failure(() => slots.set(2, 'inner_b')).code, 'ERR_VALUE')
})

onKernel('a program array is given programs and reads as their ids', () => {
  using object = load()
  const map = object.maps.get('programs')
  const program = object.programs.get('count')
  map.set(2, program)
  assert.is(map.get(2), program.id)
  assert.equal([...map], [[2, program.id]])
  assert.ok(map.delete(2))
  assert.is(map.get(2), undefined)
})

onKernel('perf events and cgroups are put into arrays that show nothing', () => {
  using object = load()
  const events = object.maps.get('perf_events')
  const cpus = getAffinity()
  const cpu = typeof cpus === 'number' ? 0 : cpus[0]!
  const event = opened(perfEventOpen({ type: softwareEvents, config: 0, cpu, pid: -1 }))
  const group = `${process.env.BPFPIN_TEST_CGROUP}/types-${process.pid}`
  mkdirSync(group)
  const directory = openSync(group, 'r')
  try {
    events.set(0, event)
    assert.ok(events.delete(0))
    const cgroups = object.maps.get('cgroups')
    cgroups.set(1, { fd: directory })
    for (const map of [events, cgroups]) {
      const error = failure(() => map.get(1))
      assert.is(error.code, 'ERR_UNSUPPORTED')
      assert.match(error.message, 'not look at them')
    }
    assert.ok(cgroups.delete(1))
  } finally {
    closeFd(event)
    closeSync(directory)
    rmdirSync(group)
  }
})

onKernel('maps for redirecting take interfaces and CPUs', () => {
  using object = load()
  const lo = 1
  object.maps.get('devices').set(2, lo)
  assert.equal([...object.maps.get('devices')], [[2, lo]])
  const byNumber = object.maps.get('devices_by_number')
  byNumber.set(70000, { ifindex: lo, bpf_prog: { fd: -1 } })
  assert.is((byNumber.get(70000) as { ifindex: number }).ifindex, lo)
  assert.equal([...byNumber.keys()], [70000])
  object.maps.get('cpus').set(0, 64)
  assert.is(object.maps.get('cpus').get(0), 64)
  assert.is(
    bytesIn(
      bpftool<Dumped>('map', 'lookup', 'id', id(object.maps.get('cpus')), 'key', ...hex(new Uint8Array(4)))
        .value,
    )[0],
    64,
  )
})

needs(
  test,
  'root',
  'ss',
  'linux 6.2',
)(
  'maps of sockets are given descriptors and show cookies, where their values have room for them',
  async () => {
    using object = load()
    const server = createServer()
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    // node says the descriptor of a listening socket nowhere else
    const fd = (server as unknown as { _handle: { fd: number } })._handle.fd
    try {
      const { maps } = object
      maps.get('sockets').set(3, fd)
      maps.get('sockets_by_key').set(key, { fd })
      const cookie = maps.get('sockets').get(3)
      assert.is(cookie, cookieOf((server.address() as AddressInfo).port))
      assert.equal([...maps.get('sockets_by_key')], [[key, cookie]])
      maps.get('hidden_sockets').set(0, fd)
      const error = failure(() => maps.get('hidden_sockets').get(0))
      assert.is(error.code, 'ERR_UNSUPPORTED')
      assert.match(error.message, 'only where its values have 8 bytes')
      assert.ok(maps.get('sockets').delete(3))
      const storage = maps.get('of_socket')
      storage.set(fd, value)
      assert.equal(storage.get({ fd }), value)
      assert.ok(storage.delete(fd))
      assert.is(storage.get(fd), undefined)
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  },
)

onKernel('arrays of sockets refuse what is none of theirs, and show no more than there is', () => {
  using object = load()
  const file = openSync('/dev/null', 'r')
  try {
    assert.is(failure(() => object.maps.get('listeners').set(0, file)).code, 'ENOTSOCK')
    assert.is(failure(() => object.maps.get('xsks').set(0, file)).code, 'ENOTSOCK')
  } finally {
    closeSync(file)
  }
  assert.is(object.maps.get('listeners').get(0), undefined)
  assert.match(failure(() => object.maps.get('xsks').get(0)).message, 'not look at them')
})

onKernel('storage of a process, a file and a cgroup is found by number, path or descriptor', () => {
  using object = load()
  const group = `${process.env.BPFPIN_TEST_CGROUP}/owner-${process.pid}`
  mkdirSync(group)
  try {
    for (const [name, owner] of [
      ['of_task', { pid: process.pid }],
      ['of_inode', { path: fixture('map-types') }],
      ['of_cgroup', { path: group }],
    ] as const) {
      const map = object.maps.get(name)
      assert.is(map.get(owner), undefined, name)
      assert.is(map.delete(owner), false)
      map.set(owner, value, 'create')
      assert.equal(map.get(owner), value)
      assert.ok(map.has(owner))
      const error = failure(() => [...map])
      assert.is(error.code, 'ERR_UNSUPPORTED')
      assert.match(error.message, 'found by what it belongs to')
      assert.ok(map.delete(owner))
    }
    const file = openSync(fixture('map-types'), 'r')
    object.maps.get('of_inode').set(file, value)
    closeSync(file)
    assert.equal(object.maps.get('of_inode').get({ path: fixture('map-types') }), value)
    assert.is(failure(() => object.maps.get('of_inode').get({ path: '/nowhere' })).code, 'ENOENT')
    assert.is(failure(() => object.maps.get('of_task').get({ pid: 2 ** 22 + 1 })).code, 'ESRCH')
    assert.is(failure(() => object.maps.get('of_task').get({ pid: -1 })).code, 'ERR_VALUE')
    assert.is(failure(() => object.maps.get('of_task').get('self')).code, 'ERR_VALUE')
    assert.is(failure(() => object.maps.get('of_task').setAll([7] as never)).code, 'ERR_VALUE')
  } finally {
    rmdirSync(group)
  }
})

onKernel('stacks are listed by their numbers, and only programs put them there', () => {
  using object = load()
  const map = object.maps.get('stacks')
  const number = object.programs.get('stack_of').run().returnValue
  assert.equal([...map.keys()], [number])
  const stack = map.get(number)
  assert.instance(stack, Uint8Array)
  assert.is((stack as Uint8Array).length, 64)
  assert.is(failure(() => map.set(number, new Uint8Array(64))).code, 'ERR_UNSUPPORTED')
  assert.ok(map.delete(number))
})

onKernel('storage of a cgroup’s program is there while it is attached, and counts', () => {
  const group = `${process.env.BPFPIN_TEST_CGROUP}/counts-${process.pid}`
  mkdirSync(group)
  try {
    const spec = openObject(fixture('map-types'))
    spec.programs.get('counts').target = { cgroup: group }
    using object = spec.load()
    using link = object.programs.get('counts').attach()
    assert.ok(link.alive)
    const map = object.maps.get('per_cgroup')
    const [[found, count]] = [...map] as [[Uint8Array, Uint8Array]]
    // struct bpf_cgroup_storage_key begins with the inode of the cgroup
    assert.is(new DataView(found.buffer).getBigUint64(0, true), statSync(group, { bigint: true }).ino)
    assert.equal(count, new Uint8Array(8))
    map.set(found, Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0]), 'replace')
    assert.is((map.get(found) as Uint8Array)[0], 3)
    assert.is(failure(() => map.delete(found)).code, 'ERR_UNSUPPORTED')
  } finally {
    rmdirSync(group)
  }
})

onKernel('a ring buffer is no map of entries', () => {
  using object = load()
  const ring = object.maps.get('ring')
  for (const act of [
    () => ring.get([]),
    () => ring.set([], []),
    () => [...ring],
    () => ring.takeAll(),
    () => ring.memory(),
  ])
    assert.is(failure(act).code, 'ERR_UNSUPPORTED')
})

function bpftoolUpdate(map: BpfMap, bytes: Uint8Array, given: Uint8Array): void {
  bpftool('map', 'update', 'id', id(map), 'key', ...hex(bytes), 'value', ...hex(given))
}

/** How many values bpftool lists of an entry of a per-CPU map. */
function bpftoolPossible(map: BpfMap, entry: number): number {
  const at = Uint8Array.from([entry, 0, 0, 0])
  if (map.type !== 'percpu_array')
    bpftool('map', 'update', 'id', id(map), 'key', ...hex(at), 'value', ...hex(new Uint8Array(8)))
  return bpftool<{ values: unknown[] }>('map', 'lookup', 'id', id(map), 'key', ...hex(at)).values.length
}

/** `sk:1a`: the cookie, as ss prints it. */
function cookieOf(port: number): bigint {
  const listing = execFileSync('ss', ['--listening', '--tcp', '--numeric', '--extended', `sport = :${port}`])
  return BigInt(`0x${/\bsk:([0-9a-f]+)/.exec(listing.toString())?.[1]}`)
}

test.run()
