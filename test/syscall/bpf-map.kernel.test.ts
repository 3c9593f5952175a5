import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapTypes } from '../../src/spec/uapi.generated.ts'
import {
  allocate,
  closeFd,
  type MapBatch,
  type MapCreateOptions,
  mapCreate,
  mapDelete,
  mapDeleteBatch,
  mapFreeze,
  mapGetNextKey,
  mapInfo,
  mapLookup,
  mapLookupAndDelete,
  mapLookupBatch,
  mapUpdate,
  mapUpdateBatch,
  namedMapInfo,
} from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { bpftool, opened } from './bpftool.ts'

const hash = { type: mapTypes.hash, keySize: 4, valueSize: 8, maxEntries: 16 }
const NO_PREALLOC = 1
const MMAPABLE = 0x400

/** Types that can be created from numbers alone. */
const shapes: Record<string, Omit<MapCreateOptions, 'type'>> = {
  hash: { keySize: 12, valueSize: 20, maxEntries: 7, flags: NO_PREALLOC },
  array: { keySize: 4, valueSize: 24, maxEntries: 3, flags: MMAPABLE },
  prog_array: { keySize: 4, valueSize: 4, maxEntries: 5 },
  perf_event_array: { keySize: 4, valueSize: 4, maxEntries: 2 },
  percpu_hash: { keySize: 8, valueSize: 8, maxEntries: 9 },
  percpu_array: { keySize: 4, valueSize: 16, maxEntries: 9 },
  stack_trace: { keySize: 4, valueSize: 64, maxEntries: 8 },
  cgroup_array: { keySize: 4, valueSize: 4, maxEntries: 4 },
  lru_hash: { keySize: 4, valueSize: 8, maxEntries: 32 },
  lru_percpu_hash: { keySize: 4, valueSize: 8, maxEntries: 32 },
  lpm_trie: { keySize: 8, valueSize: 4, maxEntries: 64, flags: NO_PREALLOC },
  devmap: { keySize: 4, valueSize: 4, maxEntries: 4 },
  devmap_hash: { keySize: 4, valueSize: 8, maxEntries: 4 },
  sockmap: { keySize: 4, valueSize: 4, maxEntries: 4 },
  sockhash: { keySize: 4, valueSize: 8, maxEntries: 4 },
  cpumap: { keySize: 4, valueSize: 4, maxEntries: 2 },
  xskmap: { keySize: 4, valueSize: 4, maxEntries: 2 },
  reuseport_sockarray: { keySize: 4, valueSize: 8, maxEntries: 2 },
  queue: { keySize: 0, valueSize: 8, maxEntries: 4 },
  stack: { keySize: 0, valueSize: 8, maxEntries: 4 },
  ringbuf: { keySize: 0, valueSize: 0, maxEntries: 8192 },
  user_ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  bloom_filter: { keySize: 0, valueSize: 8, maxEntries: 100, mapExtra: 3 },
}

for (const [type, shape] of Object.entries(shapes)) {
  // Debian's bpftool 7.1 is of Linux 6.1, which has all of these
  needs(test, 'bpftool')(`a ${type} map is created as asked, by its own account and by bpftool's`, () => {
    const number = mapTypes[type as keyof typeof mapTypes] // the keys above are names of map types
    const fd = opened(mapCreate({ type: number, name: `t_${type}`, ...shape }))
    const info = namedMapInfo(fd)
    if (typeof info === 'number') throw new Error(`errno ${-info}`)
    const shown = bpftool('map', 'show', 'id', String(info.id))
    assert.is(shown.type, type)
    assert.is(shown.name, `t_${type}`.slice(0, 15))
    assert.is(info.name, shown.name)
    assert.is(info.type, number)
    assert.is(info.id, shown.id)
    assert.equal([info.keySize, info.valueSize], [shape.keySize, shape.valueSize])
    assert.equal([shown.bytes_key, shown.bytes_value], [shape.keySize, shape.valueSize])
    assert.equal([info.maxEntries, shown.max_entries], [shape.maxEntries, shape.maxEntries])
    assert.is(info.flags, shown.flags)
    assert.is(info.flags & ~0x80, shape.flags ?? 0) // device maps gain BPF_F_RDONLY_PROG
    assert.is(info.mapExtra, shape.mapExtra ?? 0)
    closeFd(fd)
  })
}

test('a map-in-map takes the descriptor of the map that its inner maps are like', () => {
  const inner = opened(mapCreate(hash))
  const outer = opened(
    mapCreate({ type: mapTypes.hash_of_maps, keySize: 4, valueSize: 4, maxEntries: 2, innerMapFd: inner }),
  )
  const key = allocate(4)
  const value = allocate(4)
  new DataView(value.bytes.buffer).setUint32(0, inner, true)
  assert.is(mapUpdate(outer, key, value), 0)
  assert.is(mapLookup(outer, key, value), 0)
  const info = mapInfo(inner)
  assert.is(new DataView(value.bytes.buffer).getUint32(0, true), typeof info === 'number' ? info : info.id)
  closeFd(inner)
  closeFd(outer)
})

test('what is written is read, replaced, walked and deleted', () => {
  const fd = opened(mapCreate(hash))
  const key = allocate(4)
  const value = allocate(8)
  assert.is(mapLookup(fd, key, value), -2, 'ENOENT')
  value.bytes.set([1, 2, 3, 4, 5, 6, 7, 8])
  assert.is(mapUpdate(fd, key, value, 2), -2, 'BPF_EXIST of what is not there')
  assert.is(mapUpdate(fd, key, value, 1), 0)
  assert.is(mapUpdate(fd, key, value, 1), -17, 'BPF_NOEXIST of what is there')
  value.bytes.fill(0)
  assert.is(mapLookup(fd, key, value), 0)
  assert.equal([...value.bytes], [1, 2, 3, 4, 5, 6, 7, 8])
  const next = allocate(4)
  next.bytes.fill(0xff)
  assert.is(mapGetNextKey(fd, null, next), 0)
  assert.equal(next.bytes, key.bytes)
  assert.is(mapGetNextKey(fd, next, next), -2)
  value.bytes.fill(0)
  assert.is(mapLookupAndDelete(fd, key, value), 0)
  assert.is(value.bytes[7], 8)
  assert.is(mapDelete(fd, key), -2)
  closeFd(fd)
})

test('a frozen map refuses to be written', () => {
  const fd = opened(mapCreate({ type: mapTypes.array, keySize: 4, valueSize: 8, maxEntries: 1 }))
  const key = allocate(4)
  const value = allocate(8)
  assert.is(mapFreeze(fd), 0)
  assert.is(mapUpdate(fd, key, value), -1)
  // EBUSY on older kernels, EPERM on newer ones (kernel/bpf/syscall.c: map_freeze)
  assert.ok([-16, -1].includes(mapFreeze(fd)))
  closeFd(fd)
})

test('batches move many entries in a call, and count them also at the end of the map', () => {
  const fd = opened(mapCreate({ ...hash, keySize: 4, valueSize: 4, maxEntries: 1000 }))
  const keys = allocate(4 * 1000)
  const values = allocate(4 * 1000)
  const words = new Uint32Array(keys.bytes.buffer)
  words.set([...words.keys()])
  values.bytes.set(keys.bytes)
  const all: MapBatch = { inBatch: 0, outBatch: 0, keys: keys.address, values: values.address, count: 1000 }
  assert.is(mapUpdateBatch(fd, all), 0)
  assert.is(all.count, 1000)

  const cursor = allocate(8)
  const seen = new Set<number>()
  const batch: MapBatch = { ...all, outBatch: cursor.address, count: 300 }
  let result = 0
  while (result === 0) {
    batch.count = 300
    result = mapLookupBatch(fd, batch)
    for (const key of words.subarray(0, batch.count)) seen.add(key)
    batch.inBatch = cursor.address
  }
  assert.is(result, -2, 'ENOENT: the last batch')
  assert.is(seen.size, 1000)

  words.set([...words.keys()])
  all.count = 1000
  assert.is(mapDeleteBatch(fd, all), 0)
  assert.is(mapGetNextKey(fd, null, cursor), -2)
  closeFd(fd)
})

test('a batch that fails midway counts what it did, one that is refused counts nothing', () => {
  const fd = opened(mapCreate({ ...hash, maxEntries: 4 }))
  const keys = allocate(4 * 8)
  new Uint32Array(keys.bytes.buffer).set([0, 1, 2, 3, 4, 5, 6, 7])
  const values = allocate(8 * 8)
  const batch: MapBatch = { inBatch: 0, outBatch: 0, keys: keys.address, values: values.address, count: 8 }
  assert.is(mapUpdateBatch(fd, batch), -7, 'E2BIG: full')
  assert.is(batch.count, 4)
  batch.count = 8
  assert.is(mapUpdateBatch(-1, batch), -9)
  assert.is(batch.count, 0)
  closeFd(fd)
})

test('a name beyond 15 bytes is cut, one with other characters is refused', () => {
  const fd = opened(mapCreate({ ...hash, name: 'a_name_of_twenty_ch' }))
  const info = namedMapInfo(fd)
  assert.is(typeof info === 'number' ? info : info.name, 'a_name_of_twent')
  assert.is(mapCreate({ ...hash, name: 'a-name' }), -22)
  closeFd(fd)
})

test.run()
