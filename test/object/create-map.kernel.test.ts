import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { MapCreator } from '../../src/object/create-map.ts'
import { loadBtf } from '../../src/object/load-btf.ts'
import type { MapSpec } from '../../src/spec/types.ts'
import { closeFd, type NamedMapInfo, namedMapInfo } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const BPF_F_NO_PREALLOC = 1
const BPF_F_NUMA_NODE = 4

const { spec } = openObject(fixture('counter'))
const typed = spec.maps.find(({ name }) => name === 'by_process')!
const untyped: MapSpec = { ...typed, keyType: 0, valueType: 0 }
const noTypes = { btfId: 0, btfKeyTypeId: 0, btfValueTypeId: 0 }
const bloom: MapSpec = { ...untyped, type: 'bloom_filter', keySize: 0 }
const onNode: MapSpec = { ...typed, flags: BPF_F_NUMA_NODE, numaNode: 0 }

/** A map, what the next one has that is else like it, and what the kernel says of that, or why it makes none. */
const differences: readonly [MapSpec, Partial<MapSpec>, Partial<NamedMapInfo> | string][] = [
  [typed, { name: 'other', kernelName: 'other' }, { name: 'other' }],
  [typed, { type: 'lru_hash' }, { type: 9 }],
  [typed, { maxEntries: 7 }, { maxEntries: 7 }],
  [typed, { flags: BPF_F_NO_PREALLOC }, { flags: BPF_F_NO_PREALLOC }],
  [untyped, { keySize: 8 }, { keySize: 8 }],
  [untyped, { valueSize: 40 }, { valueSize: 40 }],
  // of a map with one type the kernel wants none
  [typed, { keyType: 0 }, noTypes],
  [typed, { valueType: 0 }, noTypes],
  [bloom, { mapExtra: 5 }, { mapExtra: 5 }],
  [onNode, { numaNode: 4000 }, 'EINVAL'],
  // offloaded to a device that is not there (kernel/bpf/offload.c: bpf_map_offload_map_alloc)
  [typed, { ifindex: 2 ** 30 }, 'EINVAL'],
]

needs(
  test,
  'root',
  'linux 5.16',
)('a map that differs in one thing from the one before has all that it asks for', () => {
  const btf = loadBtf(spec)
  const creator = new MapCreator(btf)
  const created = (map: MapSpec): Omit<NamedMapInfo, 'id'> => {
    using live = creator.create(map)
    const info = namedMapInfo(live.fd)
    if (typeof info === 'number') throw new Error(`BPF_OBJ_GET_INFO_BY_FD: ${info}`)
    const { id: _, ...said } = info
    const { type, mapExtra, ...own } = live.shape
    assert.equal({ ...said, ...own, name: live.name }, said)
    return said
  }
  try {
    for (const [before, difference, expected] of differences) {
      const said = created(before)
      const next = { ...before, ...difference }
      if (typeof expected === 'string') assert.is(failure(() => created(next)).code, expected)
      else assert.equal(created(next), { ...said, ...expected })
      assert.equal(created(before), said)
    }
    const { name, type, maxEntries, valueSize } = created(typed)
    assert.equal([name, type, maxEntries, valueSize], ['by_process', 1, 1024, 32])
  } finally {
    if (btf?.fd !== undefined) closeFd(btf.fd)
  }
})

test.run()
