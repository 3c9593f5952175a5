import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type BpfError,
  type BpfObject,
  type ConvertFunction,
  type CopyProgress,
  type Entry,
  type ObjectSpec,
  openMap,
  openObject,
  openPinned,
  type UpgradeOptions,
} from '../../src/index.ts'
import { thisMachine } from '../../src/map/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { duplicateFd, interceptSyscalls } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cpus = thisMachine().possibleCpus
const onKernel = needs(test, 'root')

/** Version 1 or 2 of an object with maps of many kinds, whose program is not attached. */
function kinds(version: 1 | 2): ObjectSpec {
  const spec = openObject(fixture(`upgrade-kinds-${version}`), { root, name: 'kinds' })
  for (const program of spec.programs) program.autoload = false
  return spec
}

/** One side of a pair of test/pairs, which has one map: `flows`. */
const pair = (name: string, side: 'old' | 'new'): ObjectSpec =>
  openObject(pairObject(name, side), { root, name: 'kinds' })

test.after.each(() => {
  using open = Root.find(root)
  if (open) unpinObject(open, 'kinds')
})

const onAll = <T>(value: (cpu: number) => T): T[] => Array.from({ length: cpus }, (_, cpu) => value(cpu))
const sorted = (object: BpfObject, map: string) =>
  [...object.maps.get(map).entries()].sort(([a], [b]) => Number(a) - Number(b))

/** Everything that an upgrade which is refused must not change. */
function stateOf(object: BpfObject, map: string): unknown {
  using pinned = openMap(`${root}/kinds/maps/${map}`)
  return [(readdirSync(root, { recursive: true }) as string[]).sort(), pinned.id, sorted(object, map)]
}

/** Nothing is changed by an upgrade that fails, and the next one does what it is to. */
function refuses(object: BpfObject, map: string, upgrade: () => void): BpfError {
  const before = stateOf(object, map)
  const error = failure(upgrade)
  assert.equal(stateOf(object, map), before)
  return error
}

onKernel('a function decides what becomes of each entry, decoded by the types of either side', () => {
  using old = kinds(1).upgrade()
  for (let n = 0; n < 10; n++) old.maps.get('hash').set(n, { packets: BigInt(n), state: 5 })
  const seen: (readonly [unknown, unknown])[] = []
  const convert: ConvertFunction = (key, value) => {
    seen.push([key, value])
    if (key === 3) return undefined
    const { packets, state } = value as { packets: bigint; state: number }
    return { key: Number(key) + 100, value: { drops: 77n, packets: packets * 2n, state: state + 1 } }
  }
  using next = kinds(2).upgrade({ onMismatch: 'convert-lossy', convert: { hash: convert } })
  const kept = [0, 1, 2, 4, 5, 6, 7, 8, 9]
  assert.equal(
    sorted(next, 'hash'),
    kept.map(n => [n + 100, { drops: 77n, state: 6, packets: BigInt(2 * n) }]),
  )
  assert.ok(seen.some(([key, value]) => key === 3 && (value as { packets: bigint }).packets === 3n))
})

onKernel('of per-CPU maps a function gets and gives a value of each CPU', () => {
  using old = kinds(1).upgrade()
  for (let n = 0; n < 10; n++) {
    old.maps.get('percpu_hash').set(
      n,
      onAll(cpu => ({ packets: BigInt(n), state: cpu })),
    )
  }
  const convert: ConvertFunction = (_, values) => ({
    value: (values as { packets: bigint; state: number }[]).map(({ packets, state }) => ({
      ...{ drops: packets, packets: 1n, state: state + 1 },
    })),
  })
  using next = kinds(2).upgrade({ onMismatch: 'convert-lossy', convert: { percpu_hash: convert } })
  assert.equal(
    sorted(next, 'percpu_hash'),
    Array.from({ length: 10 }, (_, n) => [
      n,
      onAll(cpu => ({ drops: BigInt(n), state: cpu + 1, packets: 1n })),
    ]),
  )
})

onKernel(
  'a function can give bytes, also where the key changed and nothing else could carry anything',
  () => {
    using old = pair('key-grown', 'old').upgrade()
    const flows = old.maps.get('flows')
    flows.set({ saddr: 1, daddr: 2 }, 12n as Entry)
    assert.is(
      refuses(old, 'flows', () => pair('key-grown', 'new').upgrade({ onMismatch: 'convert-lossy' })).code,
      'ERR_PIN_MISMATCH',
    )
    const convert: ConvertFunction = key => {
      const { saddr, daddr } = key as { saddr: number; daddr: number }
      return {
        key: new Uint8Array(new Uint32Array([saddr, daddr, 443]).buffer),
        value: new Uint8Array(new BigUint64Array([99n]).buffer),
      }
    }
    using next = pair('key-grown', 'new').upgrade({ convert: { flows: convert } })
    const [[key, value]] = [...next.maps.get('flows').entries()] as [[Record<string, number>, bigint]]
    assert.equal(Object.values(key), [1, 2, 443])
    assert.is(value, 99n)
  },
)

onKernel('where there are no types a function gets bytes', () => {
  using old = pair('no-types', 'new').upgrade()
  const key = new Uint8Array(new Uint32Array([7]).buffer)
  const { keySize, valueSize } = old.maps.get('flows').shape
  assert.is(keySize, 4)
  const value = new Uint8Array(valueSize).fill(9)
  old.maps.get('flows').set(key as Entry, value as Entry)
  const spec = pair('no-types', 'new')
  spec.maps.get('flows').maxEntries = 1000
  const convert: ConvertFunction = (k, v) => {
    assert.equal([k, v], [key, value])
    return { value: new Uint8Array(valueSize).fill(10) }
  }
  using next = spec.upgrade({ convert: { flows: convert } })
  assert.equal(next.maps.get('flows').get(key as Entry), new Uint8Array(valueSize).fill(10))
})

onKernel('nothing is changed where a function throws, or gives what does not fit', () => {
  using old = kinds(1).upgrade()
  for (let n = 0; n < 10; n++) old.maps.get('hash').set(n, { packets: BigInt(n), state: 5 })
  const upgrade = (convert: ConvertFunction) => () =>
    kinds(2).upgrade({ onMismatch: 'convert-lossy', convert: { hash: convert } })
  const thrown = new Error('what the function says')
  const error = refuses(
    old,
    'hash',
    upgrade(key => {
      if (key === 4) throw thrown
      return { value: { drops: 0n, packets: 0n, state: 0 } }
    }),
  )
  assert.equal([error.code, error.cause === thrown], ['ERR_CONVERT', true])
  const misfit = refuses(
    old,
    'hash',
    upgrade(() => ({ value: { packets: -1n } })),
  )
  assert.is(misfit.code, 'ERR_CONVERT')
  assert.match(misfit.message, 'hash')
  upgrade(() => undefined)().close()
})

onKernel('replacing starts every map that does not fit empty, and keeps those that do', () => {
  using old = kinds(1).upgrade()
  old.maps.get('hash').set(1, { packets: 1n, state: 5 })
  old.maps.get('truth').set(0, { seen: 42n })
  const { id } = old.maps.get('truth')
  using next = kinds(2).upgrade({ onMismatch: 'replace' })
  assert.equal([...next.maps.get('hash').entries()], [])
  assert.equal([next.maps.get('truth').id, next.maps.get('truth').get(0)], [id, { seen: 42n }])
  assert.is(next.variables.get('configured').get(), 100n)
})

onKernel('what may be done can be said for single maps', () => {
  using old = kinds(1).upgrade()
  old.maps.get('hash').set(1, { packets: 1n, state: 5 })
  old.maps.get('array').set(1, { packets: 1n, state: 5 })
  const error = refuses(old, 'hash', () => kinds(2).upgrade({ maps: { hash: 'convert' } }))
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.not.match(error.message, "map 'hash'")
  assert.match(error.message, "map 'array'")
  const maps = { array: 'replace', '.data': 'convert-lossy' } as const
  using next = kinds(2).upgrade({ onMismatch: 'convert', maps })
  assert.equal(next.maps.get('hash').get(1), { drops: 0n, packets: 1n, state: 5 })
  assert.equal(next.maps.get('array').get(1), { drops: 0n, packets: 0n, state: 0 })
})

onKernel(
  'maps in a map are not read by another layout: that is refused, or it starts as the object has it',
  () => {
    using old = pair('inner-moved', 'old').upgrade()
    old.maps.get('first').set(0, { packets: 1n, bytes: 2n })
    const put = (object: BpfObject, fd: number) =>
      object.maps.get('flows').set(1, new Uint8Array(new Uint32Array([fd]).buffer))
    put(old, old.maps.get('first').fd)
    const convert = { flows: () => undefined }
    for (const options of [{}, { convert }]) {
      const error = refuses(old, 'flows', () =>
        pair('inner-moved', 'new').upgrade({ onMismatch: 'convert-lossy', ...options }),
      )
      assert.is(error.code, 'ERR_PIN_MISMATCH')
    }
    using next = pair('inner-moved', 'new').upgrade({ onMismatch: 'convert', maps: { flows: 'replace' } })
    assert.equal([...next.maps.get('flows').entries()], [])
    assert.equal(next.maps.get('first').get(0), { packets: 1n, bytes: 2n })
    put(next, next.maps.get('first').fd)
  },
)

onKernel('a name that no map or field has is said, before anything is changed', () => {
  using old = kinds(1).upgrade()
  const wrong: [UpgradeOptions, RegExp][] = [
    [{ maps: { hahs: 'convert' } }, /map 'hahs'/],
    [{ convert: { hahs: () => undefined } }, /map 'hahs'/],
    [{ merge: { hahs: { packets: 'sum' } } }, /map 'hahs'/],
    [{ merge: { hash: { pakets: 'sum' } } }, /pakets/],
  ]
  for (const [options, words] of wrong) {
    const error = refuses(old, 'hash', () => kinds(2).upgrade({ onMismatch: 'convert-lossy', ...options }))
    assert.is(error.code, 'ERR_UNKNOWN_NAME')
    assert.match(error.message, words)
  }
  kinds(2).upgrade({ onMismatch: 'convert-lossy' }).close()
})

onKernel('a map that is shared with other objects is never converted', () => {
  const shared = (version: 1 | 2, name: string): ObjectSpec => {
    const spec = openObject(fixture(`upgrade-kinds-${version}`), { root, name })
    for (const program of spec.programs) program.autoload = false
    spec.maps.get('hash').pinPath = `${root}/shared`
    return spec
  }
  using owner = shared(1, 'owner').upgrade()
  try {
    using old = shared(1, 'kinds').upgrade()
    assert.is(old.maps.get('hash').id, owner.maps.get('hash').id)
    old.maps.get('hash').set(1, { packets: 1n, state: 5 })
    for (const onMismatch of ['convert-lossy', 'replace'] as const) {
      const error = refuses(old, 'array', () => shared(2, 'kinds').upgrade({ onMismatch }))
      assert.is(error.code, 'ERR_PIN_MISMATCH')
      assert.match(error.message, "map 'hash'")
      assert.equal([...owner.maps.get('hash').entries()], [[1, { packets: 1n, state: 5 }]])
    }
  } finally {
    owner.unpin()
  }
})

onKernel('a map that a program of another object uses is not converted', () => {
  using old = kinds(1).upgrade()
  const user = openObject(fixture('upgrade-kinds-1'), { root, name: 'user' })
  using other = user.load({ maps: { truth: old.maps.get('truth') } })
  const grown = kinds(1)
  grown.maps.get('truth').maxEntries = 2
  const error = refuses(old, 'truth', () => grown.upgrade({ onMismatch: 'convert' }))
  assert.is(error.code, 'ERR_MAP_SHARED')
  assert.match(error.message, `id ${other.programs.get('on_datagram').id}`)
  other.close()
  grown.upgrade({ onMismatch: 'convert' }).close()
})

onKernel(
  'a map is converted though somebody holds programs of an earlier generation, but not while they run',
  () => {
    const counter = (onlyPid: number, entries: number): ObjectSpec => {
      const spec = openObject(fixture('counter'), { root, name: 'kinds' })
      spec.variables.get('only_pid').set(onlyPid)
      spec.maps.get('by_process').maxEntries = entries
      return spec
    }
    const actionOf = ({ upgraded }: BpfObject): string | undefined =>
      upgraded?.maps.find(({ name }) => name === 'by_process')?.action
    const first = counter(1, 1024).upgrade()
    using reader = openPinned('kinds', { root })
    // another constant: new programs, the same map
    using second = counter(2, 1024).upgrade()
    assert.is(actionOf(second), 'reuse')
    // a link of a raw tracepoint goes on with its program as long as somebody holds it
    const error = refuses(second, 'by_process', () => counter(3, 2048).upgrade({ onMismatch: 'convert' }))
    assert.is(error.code, 'ERR_MAP_SHARED')
    first.close()
    using third = counter(3, 2048).upgrade({ onMismatch: 'convert' })
    assert.is(actionOf(third), 'convert')
    using fourth = counter(4, 4096).upgrade({ onMismatch: 'convert' })
    assert.is(actionOf(fourth), 'convert')
    assert.type(reader.programs.get('on_enter').id, 'number')
  },
)

onKernel('a map is not converted while a program of an earlier generation is held that others attach', () => {
  const counter = (onlyPid: number, entries: number): ObjectSpec => {
    const spec = openObject(fixture('counter'), { root, name: 'kinds' })
    for (const program of spec.programs) program.autoattach = false
    spec.variables.get('only_pid').set(onlyPid)
    spec.maps.get('by_process').maxEntries = entries
    return spec
  }
  const first = counter(1, 1024).upgrade()
  using second = counter(2, 1024).upgrade()
  const convert = (): BpfObject => counter(3, 2048).upgrade({ onMismatch: 'convert' })
  const error = refuses(second, 'by_process', convert)
  assert.is(error.code, 'ERR_MAP_SHARED')
  const former = [...first.programs].map(({ id }) => id)
  assert.ok(
    former.some(id => error.message.includes(`with id ${id} `)),
    error.message,
  )
  first.close()
  using third = convert()
  assert.is(third.upgraded?.maps.find(({ name }) => name === 'by_process')?.action, 'convert')
})

onKernel('an upgrade of links only that runs out of descriptors leaves none open', () => {
  const counter = (isAttached: boolean): ObjectSpec => {
    const spec = openObject(fixture('counter'), { root, name: 'kinds' })
    spec.programs.get('on_exit').autoattach = isAttached
    return spec
  }
  using object = counter(false).upgrade()
  const before = readdirSync('/proc/self/fd')
  for (let nth = 1; nth <= [...object.maps].length; nth++) {
    let left = nth
    // each map is opened once more, by fcntl(F_DUPFD_CLOEXEC) from 0 on; from elsewhere on it makes room
    interceptSyscalls(({ name, args }) =>
      name === 'fcntl' && args[2] === 0 && --left === 0 ? -24 : undefined,
    )
    try {
      assert.is(failure(() => counter(true).upgrade()).code, 'EMFILE')
    } finally {
      interceptSyscalls(undefined)
    }
    assert.equal(readdirSync('/proc/self/fd'), before, `${nth}`)
  }
})

onKernel('a program that is about to go is waited for', async () => {
  using old = kinds(1).upgrade()
  const user = openObject(fixture('upgrade-kinds-1'), { root, name: 'user' })
  const other = user.load({ maps: { truth: old.maps.get('truth') } })
  const held = [...other.programs].map(({ fd }) => duplicateFd(fd))
  other.close()
  // an upgrade waits in this thread
  const closer = new Worker(
    `const { workerData } = require('node:worker_threads')
     setTimeout(() => workerData.forEach(fd => require('node:fs').closeSync(fd)), 200)`,
    { eval: true, execArgv: [], workerData: held },
  )
  const closed = once(closer, 'exit')
  await once(closer, 'online')
  const grown = kinds(1)
  grown.maps.get('truth').maxEntries = 2
  using fresh = grown.upgrade({ onMismatch: 'convert' })
  assert.is(fresh.upgraded?.maps.find(({ name }) => name === 'truth')?.action, 'convert')
  assert.equal(await closed, [0])
})

onKernel('progress is told after each batch, up to all entries', () => {
  using old = kinds(1).upgrade()
  for (let n = 0; n < 50; n++) old.maps.get('hash').set(n, { packets: 1n, state: 5 })
  const told: CopyProgress[] = []
  kinds(2)
    .upgrade({ onMismatch: 'convert-lossy', onProgress: progress => void told.push(progress) })
    .close()
  assert.equal(told.filter(({ map }) => map === 'hash').at(-1), { map: 'hash', done: 50, total: 64 })
  assert.equal(told.filter(({ map }) => map === 'array').at(-1), { map: 'array', done: 64, total: 64 })
  for (const { done, total } of told) assert.ok(done <= total)
})

onKernel('a signal stops between two batches, and nothing is changed', () => {
  using old = kinds(1).upgrade()
  for (let n = 0; n < 50; n++) old.maps.get('hash').set(n, { packets: 1n, state: 5 })
  const before = stateOf(old, 'hash')
  const upgrade = (signal: AbortSignal, onProgress?: () => void) =>
    kinds(2).upgrade({ onMismatch: 'convert-lossy', signal, onProgress })
  assert.throws(() => upgrade(AbortSignal.abort(new Error('at once'))), 'at once')
  assert.equal(stateOf(old, 'hash'), before)
  const controller = new AbortController()
  let batches = 0
  const stopThird = (): void => {
    if (++batches === 3) controller.abort(new Error('midway'))
  }
  assert.throws(() => upgrade(controller.signal, stopThird), 'midway')
  assert.is(batches, 3)
  assert.equal(stateOf(old, 'hash'), before)
  upgrade(new AbortController().signal).close()
})

test.run()
