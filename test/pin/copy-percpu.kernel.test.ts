import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readBatches, writeBatch } from '../../src/map/batches.ts'
import { thisMachine } from '../../src/map/index.ts'
import { copyEntries } from '../../src/pin/copy.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { allocate, closeFd } from '../../src/syscall/index.ts'
import { isEmulated } from '../effort.ts'
import { needs } from '../requirements.ts'
import { flowConversion } from './carried.ts'
import { carrying, RawMap } from './maps.ts'

const entries = isEmulated ? 4000 : 20_000
const NO_PREALLOC = 1

/** Puts count `first + key` into each key's value of each CPU. */
function fill(map: RawMap, first: number): void {
  const size = map.shape.valueSize * thisMachine().possibleCpus
  const [keys, values] = [allocate(4 * entries), allocate(size * entries)]
  const numbers = new Uint32Array(keys.bytes.buffer, keys.bytes.byteOffset, entries)
  const counts = new BigUint64Array(values.bytes.buffer, values.bytes.byteOffset, (size * entries) / 8)
  for (let key = 0; key < entries; key++) {
    numbers[key] = key
    counts.fill(BigInt(first + key), (key * size) / 8, ((key + 1) * size) / 8)
  }
  writeBatch(map.fd, map.shape, { keys, values, count: entries }, 'a map of the test')
}

// the kernel makes per-CPU memory available in the background (mm/percpu.c: pcpu_balance_workfn), and has none meanwhile
for (const flags of [0, NO_PREALLOC]) {
  const way = flags === 0 ? 'with' : 'without'
  needs(test, 'root')(`many per-CPU values are carried into a map ${way} preallocated entries`, () => {
    using old = new RawMap('percpu_hash', 4, 24, entries, flags)
    using next = new RawMap('percpu_hash', 4, 32, 2 * entries, flags)
    const live = carrying(old, next, flowConversion)
    const snapshot = createSnapshot(live)
    try {
      fill(old, 1000)
      assert.is(copyEntries(live, snapshot).entries, entries)
      fill(old, 1001)
      assert.equal(sweepEntries(live, snapshot), {
        changed: entries * thisMachine().possibleCpus,
        failed: 0,
        error: 0,
        inKernel: true,
      })
    } finally {
      closeFd(snapshot)
    }
    let seen = 0
    for (const { keys, values, count } of readBatches(next.fd, next.shape, 'a map of the test')) {
      for (let i = 0; i < count; i++) {
        const key = new DataView(keys.bytes.buffer, keys.bytes.byteOffset + 4 * i).getUint32(0, true)
        for (let cpu = 0; cpu < thisMachine().possibleCpus; cpu++) {
          const at = 32 * (i * thisMachine().possibleCpus + cpu)
          const [bytes, packets] = new BigUint64Array(values.bytes.buffer, values.bytes.byteOffset + at, 2)
          assert.equal([packets, bytes], [BigInt(1001 + key), BigInt(1001 + key)])
        }
        seen++
      }
    }
    assert.is(seen, entries)
  })

  needs(test, 'root')(
    `many per-CPU entries that are new are swept into a map ${way} preallocated ones`,
    () => {
      using old = new RawMap('percpu_hash', 4, 24, entries, flags)
      using next = new RawMap('percpu_hash', 4, 32, 2 * entries, flags)
      const live = carrying(old, next, flowConversion)
      const snapshot = createSnapshot(live)
      try {
        assert.is(copyEntries(live, snapshot).entries, 0)
        fill(old, 1)
        const { failed, error, inKernel } = sweepEntries(live, snapshot)
        assert.equal({ failed, error, inKernel }, { failed: 0, error: 0, inKernel: true })
        assert.is(next.keys().length, entries)
      } finally {
        closeFd(snapshot)
      }
    },
  )
}

test.run()
