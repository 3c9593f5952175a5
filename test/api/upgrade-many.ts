// A process of its own that pins a map of test/pairs with as many entries as it is told, or upgrades it: then it prints what
// that took as JSON. `upgrade-many.ts fill|upgrade ROOT ENTRIES`. See upgrade-many.kernel.test.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { type BpfMap, openObject } from '../../src/index.ts'
import { readBatches, writeBatch } from '../../src/map/batches.ts'
import { allocate } from '../../src/syscall/index.ts'
import { pairObject } from '../plan/pairs.ts'

const [what, root = '', entries = ''] = process.argv.slice(2)
const count = Number(entries)
const open = (side: 'old' | 'new') => {
  const spec = openObject(pairObject('appended', side), { root, name: 'many' })
  spec.maps.get('flows').maxEntries = count
  return spec
}

if (what === 'fill') {
  using object = open('old').upgrade()
  fill(object.maps.get('flows'))
} else {
  const rss = resetPeak()
  const start = performance.now()
  using object = open('new').upgrade({ onMismatch: 'convert' })
  const seconds = (performance.now() - start) / 1000
  const grown = (peak() - rss) / 1024
  console.log(
    JSON.stringify({ grown, seconds, carried: object.upgraded?.carried, ...read(object.maps.get('flows')) }),
  )
  object.unpin()
}

/** struct { u64 packets, bytes }: packets is the key, bytes is twice that. */
function fill({ fd, shape }: BpfMap): void {
  const step = 4096
  const [keys, values] = [allocate(4 * step), allocate(16 * step)]
  const key = new Uint32Array(keys.bytes.buffer, keys.bytes.byteOffset, step)
  const value = new BigUint64Array(values.bytes.buffer, values.bytes.byteOffset, 2 * step)
  for (let first = 0; first < count; first += step) {
    const now = Math.min(step, count - first)
    for (let i = 0; i < now; i++) {
      key[i] = first + i
      value[2 * i] = BigInt(first + i)
      value[2 * i + 1] = 2n * BigInt(first + i)
    }
    writeBatch(fd, shape, { keys, values, count: now }, 'a map of the test')
  }
}

/** With `drops` behind it. */
function read({ fd, shape }: BpfMap): { readonly right: number; readonly wrong: number } {
  let [right, wrong] = [0, 0]
  for (const { keys, values, count } of readBatches(fd, shape, 'a map of the test')) {
    const key = new Uint32Array(keys.bytes.buffer, keys.bytes.byteOffset, count)
    const value = new BigUint64Array(values.bytes.buffer, values.bytes.byteOffset, 3 * count)
    for (let i = 0; i < count; i++) {
      const expected = BigInt(key[i]!)
      const [packets, bytes, drops] = [value[3 * i], value[3 * i + 1], value[3 * i + 2]]
      if (packets === expected && bytes === 2n * expected && drops === 0n) right++
      else wrong++
    }
  }
  return { right, wrong }
}

/** Kilobytes that this process has in memory; the most of them is counted anew from here (Documentation/filesystems/proc.rst). */
function resetPeak(): number {
  writeFileSync('/proc/self/clear_refs', '5')
  return field('VmRSS')
}

function peak(): number {
  return field('VmHWM')
}

function field(name: string): number {
  return Number(
    new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1],
  )
}
