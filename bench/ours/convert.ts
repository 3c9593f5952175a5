import type { Conversion } from '../../src/btf/index.ts'
import { copyEntries, createSnapshot, type LiveConversion } from '../../src/pin/index.ts'
import type { MapShape } from '../../src/plan/shape.ts'
import { mapTypes } from '../../src/spec/kernel.ts'
import {
  allocate,
  closeFd,
  mapCreate,
  mapLookup,
  mapUpdateBatch,
  objGet,
  objPin,
  systemError,
  unlinkFile,
} from '../../src/syscall/index.ts'
import type { Operation, Outcome } from './operation.ts'

// The entries of a map into one with another layout. The old map is pinned at ROOT/flows-N, where the peer finds it.

/** BPF_F_NO_PREALLOC */
const NO_PREALLOC = 1
const oldSize = 24
const newSize = 32
/** struct { u64 packets, bytes; u32 state; } -> struct { u64 bytes, packets; u32 state; u64 since; } */
const moves = [
  { op: 'bytes', from: 0, to: 8, size: 8 },
  { op: 'bytes', from: 8, to: 0, size: 8 },
  { op: 'bytes', from: 16, to: 16, size: 4 },
] as const
const value: Conversion = {
  ...{ fromSize: oldSize, toSize: newSize, littleEndian: true, operations: moves },
  pairs: ['packets', 'bytes', 'state'].map((path, i) => ({ path, copy: moves[i]!, merge: 'last' as const })),
}

export const convert: Readonly<Record<string, Operation>> = {
  'convert-fill'({ n, root }) {
    const fd = create(shapeOf(oldSize, n))
    fill(fd, n)
    must(objPin(fd, path(root, n)), 'BPF_OBJ_PIN')
    closeFd(fd)
    return [0n]
  },
  convert: ({ n, root }) => carry(n, path(root, n)),
  // what the peer does for this makes a snapshot as well
  'convert-snapshot': ({ n, root }) => carry(n, path(root, n)),
  'convert-clear'({ n, root }) {
    must(unlinkFile(path(root, n)), 'unlink')
    return [0n]
  },
}

function path(root: string, n: number): string {
  return `${root}/flows-${n}`
}

/** The first pass over all entries; the one after it, which finds nothing here, is not the peer's work. */
function carry(n: number, from: string): Outcome {
  const old = must(objGet(from), 'BPF_OBJ_GET')
  const fd = create(shapeOf(newSize, n))
  const conversion: LiveConversion = {
    name: 'flows',
    old: { fd: old, shape: shapeOf(oldSize, n) },
    new: { fd, shape: shapeOf(newSize, n) },
    value,
  }
  const snapshot = createSnapshot(conversion)
  const start = process.hrtime.bigint()
  let last = start
  const { entries } = copyEntries(conversion, snapshot, {
    onProgress: () => {
      last = process.hrtime.bigint()
    },
  })
  const found = `${entries}:${oneOf(fd, n >> 1)}`
  for (const each of [snapshot, fd, old]) closeFd(each)
  return [last - start, found]
}

/** An entry as it was carried: `bytes:packets:state:since`. */
function oneOf(fd: number, which: number): string {
  const key = allocate(8)
  const entry = allocate(newSize)
  new BigUint64Array(key.bytes.buffer)[0] = BigInt(which)
  must(mapLookup(fd, key, entry), 'BPF_MAP_LOOKUP_ELEM')
  const words = new BigUint64Array(entry.bytes.buffer, 0, newSize / 8)
  return words.join(':')
}

function shapeOf(valueSize: number, maxEntries: number): MapShape {
  return { type: 'hash', keySize: 8, valueSize, maxEntries, flags: NO_PREALLOC, mapExtra: 0 }
}

function create({ keySize, valueSize, maxEntries, flags }: MapShape): number {
  return must(mapCreate({ type: mapTypes.hash, keySize, valueSize, maxEntries, flags }), 'BPF_MAP_CREATE')
}

function fill(fd: number, entries: number): void {
  const batch = 4096
  const keys = allocate(batch * 8)
  const values = allocate(batch * oldSize)
  const keyWords = new BigUint64Array(keys.bytes.buffer)
  const valueWords = new BigUint64Array(values.bytes.buffer)
  for (let first = 0; first < entries; first += batch) {
    const count = Math.min(batch, entries - first)
    for (let i = 0; i < count; i++) {
      const key = BigInt(first + i)
      keyWords[i] = key
      valueWords.set([key * 3n, key * 1500n, key & 7n], 3 * i)
    }
    const wanted = { inBatch: 0, outBatch: 0, keys: keys.address, values: values.address, count }
    must(mapUpdateBatch(fd, wanted), 'BPF_MAP_UPDATE_BATCH')
  }
}

function must(result: number, call: string): number {
  if (result < 0) throw systemError(result, call, { doing: 'benchmarking a conversion' })
  return result
}
