// Fills a hash with as many entries as it is told, carries them into another, and prints what that took as JSON:
// `copy-many.ts ENTRIES`. See copy-many.kernel.test.ts.
import { copyEntries } from '../../src/pin/copy.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { allocate, mapUpdateBatch } from '../../src/syscall/index.ts'
import { flowConversion } from './carried.ts'
import { carrying, RawMap } from './maps.ts'

const entries = Number(process.argv[2])
const NO_PREALLOC = 1
using old = new RawMap('hash', 8, 24, entries, NO_PREALLOC)
using next = new RawMap('hash', 8, 32, entries, NO_PREALLOC)

const step = 4096
const [keys, values] = [allocate(8 * step), allocate(24 * step)]
const [key, value] = [new BigUint64Array(keys.bytes.buffer), new BigUint64Array(values.bytes.buffer)]
for (let first = 0; first < entries; first += step) {
  const count = Math.min(step, entries - first)
  for (let i = 0; i < count; i++) {
    key[i] = BigInt(first + i)
    value[3 * i] = value[3 * i + 1] = BigInt(first + i)
  }
  mapUpdateBatch(old.fd, { inBatch: 0, outBatch: 0, keys: keys.address, values: values.address, count })
}

const live = carrying(old, next, flowConversion)
const snapshot = createSnapshot(live)
let peak = 0
let ticks = 0
const watch = (): void => {
  if (ticks++ % 16 === 0) peak = Math.max(peak, process.memoryUsage.rss())
}
const before = process.memoryUsage.rss()
const start = performance.now()
let first = 0
const report = copyEntries(live, snapshot, {
  onProgress({ done }) {
    watch()
    if (done === entries) first = performance.now() - start
  },
})
watch()
const copied = performance.now() - start
const swept = sweepEntries(live, snapshot)
const whole = performance.now() - start
ticks = 0
watch()
console.log(
  JSON.stringify({
    ...report,
    swept,
    grown: Math.round((peak - before) / 2 ** 20),
    firstPass: Math.round(entries / first),
    milliseconds: { first: Math.round(first), copied: Math.round(copied), whole: Math.round(whole) },
  }),
)
