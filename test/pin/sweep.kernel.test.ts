import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { thisMachine } from '../../src/map/index.ts'
import type { ConvertEntry, LiveConversion } from '../../src/pin/conversion.ts'
import { type CopyReport, copyEntries } from '../../src/pin/copy.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { type SweepReport, sweepEntries } from '../../src/pin/sweep.ts'
import { largestSwept } from '../../src/pin/sweep-runner.ts'
import { closeFd } from '../../src/syscall/index.ts'
import { repeated } from '../effort.ts'
import { needs } from '../requirements.ts'
import { conversionOf, flowConversion, integer } from './carried.ts'
import { carrying, key, RawMap } from './maps.ts'

/** struct flow { u64 packets, bytes; u32 state; } and struct wide_flow, which begins with bytes. */
function flow(packets: number, bytes: number, state: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([BigInt(packets), BigInt(bytes), BigInt(state)]).buffer)
}
function wideFlow(packets: number, bytes: number, state: number, first = 0): Uint8Array {
  return new Uint8Array(new BigUint64Array([bytes, packets, state, first].map(BigInt)).buffer)
}

/** Copies, lets something happen, sweeps. */
function upgrade(
  live: LiveConversion,
  meanwhile: () => void,
): { readonly copied: CopyReport; readonly swept: SweepReport } {
  const snapshot = createSnapshot(live)
  try {
    const copied = copyEntries(live, snapshot)
    meanwhile()
    return { copied, swept: sweepEntries(live, snapshot) }
  } finally {
    closeFd(snapshot)
  }
}

const keysOnly = (...numbers: number[]): string[] =>
  numbers.map(n => Buffer.from(key(n)).toString('hex')).sort()

for (const type of ['hash', 'lru_hash'] as const) {
  needs(test, 'root')(
    `a ${type} map carries what old programs wrote after the copy, and nothing that new ones wrote`,
    () => {
      using old = new RawMap(type, 4, 24, 64)
      using next = new RawMap(type, 4, 32, 64)
      for (let i = 0; i < 8; i++) old.set(key(i), flow(10 * i, 100 * i, i))
      const { copied, swept } = upgrade(carrying(old, next, flowConversion), () => {
        old.set(key(1), flow(13, 107, 1)) // counted on
        old.set(key(2), flow(20, 200, 77)) // another state
        old.set(key(3), flow(31, 300, 77))
        next.set(key(3), wideFlow(35, 350, 55)) // a new program changed the state, too, and counted
        old.delete(key(4))
        old.delete(key(5))
        next.set(key(5), wideFlow(51, 500, 5)) // a new program counted what an old one deleted
        next.delete(key(6)) // a new program deleted
        old.set(key(6), flow(61, 600, 6))
        old.set(key(20), flow(1, 2, 3)) // new entries: of an old program, of a new one, of both
        next.set(key(21), wideFlow(4, 5, 6, 7))
        old.set(key(22), flow(1, 2, 3))
        next.set(key(22), wideFlow(10, 20, 30, 40))
      })
      assert.is(copied.entries, 8)
      assert.equal([swept.inKernel, swept.failed], [true, 0])
      assert.equal(next.keys(), keysOnly(0, 1, 2, 3, 5, 7, 20, 21, 22))
      const expected: Record<number, Uint8Array> = {
        0: wideFlow(0, 0, 0),
        1: wideFlow(13, 107, 1),
        2: wideFlow(20, 200, 77),
        3: wideFlow(36, 350, 55),
        5: wideFlow(51, 500, 5),
        7: wideFlow(70, 700, 7),
        20: wideFlow(1, 2, 3),
        21: wideFlow(4, 5, 6, 7),
        22: wideFlow(11, 22, 30, 40),
      }
      for (const [i, value] of Object.entries(expected))
        assert.equal(next.get(key(Number(i))), value, `entry ${i}`)
    },
  )
}

needs(test, 'root')('a sweep that finds nothing changed changes nothing', () => {
  using old = new RawMap('hash', 4, 24, 64)
  using next = new RawMap('hash', 4, 32, 64)
  for (let i = 0; i < 8; i++) old.set(key(i), flow(10 * i, 100 * i, i))
  const live = carrying(old, next, flowConversion)
  const snapshot = createSnapshot(live)
  copyEntries(live, snapshot)
  old.set(key(1), flow(11, 101, 1))
  assert.is(sweepEntries(live, snapshot).changed, 1)
  next.set(key(1), wideFlow(500, 600, 9))
  assert.is(sweepEntries(live, snapshot).changed, 0)
  assert.equal(next.get(key(1)), wideFlow(500, 600, 9))
  closeFd(snapshot)
})

needs(test, 'root')(
  'each CPU of a per-CPU hash has its own values, and an entry goes only where no CPU changed it',
  () => {
    const cpus = thisMachine().possibleCpus
    const all = (of: (cpu: number) => Uint8Array): Uint8Array =>
      Uint8Array.from(Array.from({ length: cpus }, (_, cpu) => [...of(cpu)]).flat())
    using old = new RawMap('percpu_hash', 4, 24, 64)
    using next = new RawMap('percpu_hash', 4, 32, 64)
    for (let i = 0; i < 4; i++)
      old.set(
        key(i),
        all(cpu => flow(10 * i + cpu, 100 * i, i)),
      )
    const { swept } = upgrade(carrying(old, next, flowConversion), () => {
      old.set(
        key(1),
        all(cpu => flow(20 + 2 * cpu, 150, 1)),
      )
      next.set(
        key(1),
        all(cpu => wideFlow(10 + cpu + 1000, 100, 1)),
      )
      old.delete(key(2))
      old.delete(key(3))
      next.set(
        key(3),
        all(cpu => wideFlow(30 + cpu + (cpu === cpus - 1 ? 1 : 0), 300, 3)),
      )
      old.set(
        key(9),
        all(cpu => flow(cpu, 7, 8)),
      )
    })
    assert.equal([swept.inKernel, swept.failed], [true, 0])
    assert.equal(next.keys(), keysOnly(0, 1, 3, 9))
    assert.equal(
      next.get(key(1), 32 * cpus),
      all(cpu => wideFlow(1020 + 2 * cpu, 150, 1)),
    )
    assert.equal(
      next.get(key(9), 32 * cpus),
      all(cpu => wideFlow(cpu, 7, 8)),
    )
  },
)

needs(test, 'root')('an array that shrinks or grows carries what both have', () => {
  for (const [from, to] of [
    [10, 6],
    [6, 10],
  ] as const) {
    using old = new RawMap('array', 4, 24, from)
    using next = new RawMap('array', 4, 32, to)
    for (let i = 0; i < from; i++) old.set(key(i), flow(i, 2 * i, i))
    const { copied } = upgrade(carrying(old, next, flowConversion), () =>
      old.set(key(5), flow(100, 101, 102)),
    )
    assert.is(copied.entries, 6)
    for (let i = 0; i < to; i++) {
      const value = i < 5 ? wideFlow(i, 2 * i, i) : i === 5 ? wideFlow(100, 101, 102) : wideFlow(0, 0, 0)
      assert.equal(next.get(key(i)), value, `${from} to ${to}, entry ${i}`)
    }
  }
})

needs(test, 'root')('a data section keeps what the new object has in variables that are new', () => {
  using old = new RawMap('array', 4, 16, 1)
  using next = new RawMap('array', 4, 24, 1)
  old.set(key(0), flow(1, 2, 3).slice(0, 16))
  next.set(key(0), flow(40, 50, 60))
  const conversion = conversionOf(16, 24, [
    { path: 'a', copy: integer(0, 16, 8), merge: 'last' },
    { path: 'b', copy: integer(8, 0, 8), merge: 'sum' },
  ])
  const { swept } = upgrade(carrying(old, next, conversion), () =>
    old.set(key(0), flow(7, 9, 0).slice(0, 16)),
  )
  assert.is(swept.changed, 1)
  assert.equal(next.get(key(0)), flow(9, 50, 7))
})

needs(test, 'root')(
  `values of ${largestSwept} bytes are swept in the kernel, larger ones from user space`,
  () => {
    for (const [size, inKernel] of [
      [65_536, true],
      [largestSwept, true],
      [largestSwept + 8, false],
    ] as const) {
      using old = new RawMap('array', 4, size, 1)
      using next = new RawMap('array', 4, size, 1)
      const value = Uint8Array.from({ length: size }, (_, i) => i * 7)
      old.set(key(0), value)
      const bytes = { op: 'bytes', from: 0, to: 8, size: size - 8 } as const
      const { swept } = upgrade(
        carrying(old, next, conversionOf(size, size, [{ path: '', copy: bytes, merge: 'last' }])),
        () => {
          value[size - 20] = 99
          old.set(key(0), value)
        },
      )
      assert.is(swept.inKernel, inKernel, `${size} bytes`)
      assert.equal(
        Buffer.compare(next.get(key(0))!.subarray(8), value.subarray(0, size - 8)),
        0,
        `${size} bytes`,
      )
    }
  },
)

needs(test, 'root')('a full LRU map with a list for each CPU is carried whole', () => {
  const NO_COMMON_LRU = 2
  const entries = 4096 * thisMachine().possibleCpus
  // the kernel hands out whole buckets, and how keys spread over them differs from map to map: batches are of all lengths
  for (let round = 0; round < repeated(30); round++) {
    using old = new RawMap('hash', 4, 24, entries)
    using next = new RawMap('lru_hash', 4, 32, entries, NO_COMMON_LRU)
    for (let i = 0; i < entries; i++) old.set(key(i), flow(i, i, i))
    const live = carrying(old, next, flowConversion)
    const snapshot = createSnapshot(live)
    copyEntries(live, snapshot)
    closeFd(snapshot)
    assert.is(next.keys().length, entries)
  }
})

needs(test, 'root')('a trie is swept from user space: writes and deletes are repeated', () => {
  const NO_PREALLOC = 1
  const prefix = (length: number, ...bytes: number[]): Uint8Array =>
    Uint8Array.from([length, 0, 0, 0, ...bytes])
  using old = new RawMap('lpm_trie', 8, 24, 64, NO_PREALLOC)
  using next = new RawMap('lpm_trie', 8, 32, 64, NO_PREALLOC)
  old.set(prefix(8, 10, 0, 0, 0), flow(1, 1, 1))
  old.set(prefix(16, 10, 1, 0, 0), flow(2, 2, 2))
  old.set(prefix(24, 192, 168, 7, 0), flow(3, 3, 3))
  const { swept } = upgrade(carrying(old, next, flowConversion), () => {
    old.set(prefix(8, 10, 0, 0, 0), flow(11, 12, 13))
    old.delete(prefix(24, 192, 168, 7, 0))
    old.set(prefix(32, 1, 2, 3, 4), flow(5, 6, 7))
  })
  assert.equal([swept.inKernel, swept.failed], [false, 0])
  assert.equal(next.get(prefix(32, 10, 9, 9, 9)), wideFlow(11, 12, 13))
  assert.equal(next.get(prefix(32, 10, 1, 9, 9)), wideFlow(2, 2, 2))
  assert.equal(next.get(prefix(32, 1, 2, 3, 4)), wideFlow(5, 6, 7))
  assert.is(next.get(prefix(32, 192, 168, 7, 9)), undefined)
})

needs(test, 'root')(
  "a user's function decides on keys and values, also on those that change meanwhile",
  () => {
    using old = new RawMap('hash', 4, 24, 64)
    using next = new RawMap('hash', 8, 32, 64)
    const wideKey = (n: number): Uint8Array => Uint8Array.from([...key(n), 0, 0, 0, 0])
    // odd keys are dropped
    const convert: ConvertEntry = (from, value) => {
      const [packets, bytes, state] = new BigUint64Array(value.slice().buffer)
      return from[0]! % 2 === 1
        ? undefined
        : { key: wideKey(from[0]!), value: wideFlow(Number(packets), Number(bytes), Number(state), 1) }
    }
    for (let i = 0; i < 6; i++) old.set(key(i), flow(i, i, i))
    const { swept } = upgrade({ ...carrying(old, next, flowConversion), convert }, () => {
      old.set(key(2), flow(20, 21, 22))
      old.delete(key(4))
      old.set(key(8), flow(8, 8, 8))
    })
    assert.is(swept.inKernel, false)
    assert.equal(next.keys(), [0, 2, 8].map(n => Buffer.from(wideKey(n)).toString('hex')).sort())
    assert.equal(next.get(wideKey(2)), wideFlow(20, 21, 22, 1))
  },
)

needs(test, 'root')(
  'a new map that is too small is refused while copying, and said to be full by a sweep',
  () => {
    using old = new RawMap('hash', 4, 24, 64)
    using next = new RawMap('hash', 4, 32, 4)
    for (let i = 0; i < 4; i++) old.set(key(i), flow(i, i, i))
    const { swept } = upgrade(carrying(old, next, flowConversion), () => {
      for (let i = 4; i < 7; i++) old.set(key(i), flow(i, i, i))
    })
    const E2BIG = -7
    assert.equal([swept.failed, swept.error], [3, E2BIG])
    const live = carrying(old, next, flowConversion)
    const snapshot = createSnapshot(live)
    assert.throws(
      () => copyEntries(live, snapshot),
      (e: { code?: string }) => e.code === 'E2BIG',
    )
    closeFd(snapshot)
  },
)

needs(test, 'root')('copying tells how far it is, and stops between batches when asked to', () => {
  using old = new RawMap('hash', 4, 24, 10_000)
  using next = new RawMap('hash', 4, 32, 10_000)
  for (let i = 0; i < 10_000; i++) old.set(key(i), flow(i, i, i))
  const live = carrying(old, next, flowConversion)
  const snapshot = createSnapshot(live)
  const controller = new AbortController()
  const seen: number[] = []
  const onProgress = ({ done, total, map }: { done: number; total: number; map: string }): void => {
    assert.equal([map, total], ['flows', 10_000])
    seen.push(done)
    if (seen.length === 2) controller.abort(new Error('enough'))
  }
  assert.throws(() => copyEntries(live, snapshot, { onProgress, signal: controller.signal }), /enough/)
  assert.is(seen.length, 2)
  assert.ok(seen[0]! < seen[1]! && seen[1]! < 10_000, seen.join(' '))
  closeFd(snapshot)
})

test.run()
