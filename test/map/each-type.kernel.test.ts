// Every type of map that the kernel has, and all that can be asked of a map: either the kernel does it, or we say why no map of the type can.
import { createSocket } from 'node:dgram'
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, openObject } from '../../src/index.ts'
import { entrySize } from '../../src/map/batches.ts'
import { BpfMap, shapeOf } from '../../src/map/index.ts'
import { whyNot } from '../../src/map/kinds.ts'
import { mapTypes } from '../../src/spec/uapi.generated.ts'
import { type MapCreateOptions, mapCreate, mapInfo } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool, opened } from '../syscall/bpftool.ts'

const noPrealloc = 1
const four = { keySize: 4, valueSize: 4, maxEntries: 4 }
const cgroupKey = { keySize: 16, valueSize: 8, maxEntries: 0 }

/** How a map of each type is made; those that are missing take more than numbers, and have tests of their own. */
const shapes: Readonly<Record<string, Omit<MapCreateOptions, 'type'>>> = {
  ...{
    hash: four,
    array: four,
    percpu_hash: four,
    percpu_array: four,
    lru_hash: four,
    lru_percpu_hash: four,
  },
  ...{ prog_array: four, perf_event_array: four, cgroup_array: four, devmap: four, devmap_hash: four },
  ...{ cpumap: { ...four, maxEntries: 1 }, xskmap: four, sockmap: four, sockhash: four },
  reuseport_sockarray: { ...four, valueSize: 8 },
  stack_trace: { ...four, valueSize: 64 },
  lpm_trie: { ...four, keySize: 8, flags: noPrealloc },
  ...{ cgroup_storage: cgroupKey, percpu_cgroup_storage: cgroupKey },
  ...{
    queue: { ...four, keySize: 0 },
    stack: { ...four, keySize: 0 },
    bloom_filter: { ...four, keySize: 0 },
  },
  ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  user_ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
}

/** Maps of maps want an inner map, storage and struct_ops BTF, arenas memory, instruction arrays a later kernel. */
const others = [
  ...[
    'unspec',
    'array_of_maps',
    'hash_of_maps',
    'sk_storage',
    'inode_storage',
    'task_storage',
    'cgrp_storage',
  ],
  ...['struct_ops', 'arena', 'insn_array', 'cgrp_storage'],
]

/** The kernel's words for what a type of map does not do: no such function, or one that refuses always (kernel/bpf: map_ops). */
const never = ['ENOTSUPP', 'EOPNOTSUPP', 'EINVAL', 'EPERM']

/** What becomes of an operation: nothing, or the code of its error. */
function outcome(run: () => unknown): string | undefined {
  let isDone = false
  const wanted = failure(() => {
    run()
    isDone = true
    throw done
  })
  return isDone ? undefined : wanted.code
}

/** Thrown where nothing else is. */
const done = new BpfError('it is done', { code: 'ERR_DONE' })

const bytes = (size: number): Uint8Array => new Uint8Array(size)

test('no type of map is forgotten', () => {
  const known = new Set([...Object.keys(shapes), ...others])
  assert.equal(
    Object.keys(mapTypes).filter(type => !known.has(type)),
    // names that a type had before
    ['cgroup_storage_deprecated', 'percpu_cgroup_storage_deprecated'].filter(type => type in mapTypes),
  )
})

for (const [type, shape] of Object.entries(shapes)) {
  needs(
    test,
    'root',
    'linux 6.1',
  )(`what a map of type ${type} cannot do is refused in our words, and nothing else is`, () => {
    const number = mapTypes[type as keyof typeof mapTypes] // the keys above are names of map types
    const fd = opened(mapCreate({ type: number, name: 'each', ...shape }))
    const info = mapInfo(fd)
    if (typeof info === 'number') throw new Error(`errno ${-info}`)
    using map = new BpfMap({ fd, name: 'each', shape: shapeOf(info) })
    const key = bytes(shape.keySize)
    const value = bytes(entrySize(map.shape))
    const asked: readonly (readonly [operation: Parameters<typeof whyNot>[1], run: () => unknown])[] = [
      ['read', () => map.get(key)],
      ['walk', () => [...map.keys()]],
      ['read', () => [...map.entriesRaw()]],
      ['delete', () => map.delete(key)],
      ['take', () => map.takeAll()],
      ['write', () => map.setRaw(key, value)],
    ]
    for (const [operation, run] of asked) {
      const code = outcome(run)
      if (whyNot(map.shape, operation) !== undefined)
        assert.is(code, 'ERR_UNSUPPORTED', `${type} ${operation}`)
      // zeros are no descriptor of a program, and no interface
      else if (operation !== 'write' || code !== 'EINVAL')
        assert.not(never.includes(code ?? ''), `${type} ${operation}: ${code}`)
    }
  })
}

needs(test, 'root')('deleting what is not there is no error, in a map of any type that can delete', () => {
  for (const [type, shape] of Object.entries(shapes)) {
    const number = mapTypes[type as keyof typeof mapTypes] // as above
    const fd = opened(mapCreate({ type: number, name: 'each', ...shape }))
    const info = mapInfo(fd)
    if (typeof info === 'number') throw new Error(`errno ${-info}`)
    using map = new BpfMap({ fd, name: 'each', shape: shapeOf(info) })
    if (whyNot(map.shape, 'delete') !== undefined) continue
    const key = bytes(shape.keySize)
    // the kernel deletes what an XSK map or device map does not have
    assert.type(map.delete(key), 'boolean', type)
    assert.type(map.deleteAll([key]), 'number', type)
  }
})

const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''

needs(test, 'root')(
  'storage of a cgroup has a value for each CPU, or one, and counts what was sent',
  async () => {
    const group = `${cgroups}/each-type-${process.pid}`
    mkdirSync(group)
    try {
      const spec = openObject(fixture('cgroup-counts'))
      spec.programs.get('counts').target = { cgroup: group }
      using object = spec.load()
      object.attach()
      writeFileSync(`${group}/cgroup.procs`, String(process.pid))
      const socket = createSocket('udp4')
      for (let i = 0; i < 5; i++) await new Promise(resolve => socket.send('x', 9, '127.0.0.1', resolve))
      socket.close()
      writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
      const perCpu = object.maps.get('per_cpu')
      const [[key, values]] = [...perCpu] as unknown as [
        [{ cgroup_inode_id: bigint; attach_type: string }, bigint[]],
      ]
      assert.is(key.cgroup_inode_id, statSync(group, { bigint: true }).ino)
      assert.is(
        values.reduce((sum, value) => sum + value),
        5n,
      )
      assert.equal(perCpu.get(key), values)
      const mine = values.map((_, cpu) => BigInt(cpu + 7))
      perCpu.set(key, mine, 'replace')
      assert.equal(perCpu.get(key), mine)
      const { values: listed } = bpftool<{ values: { value: string[] }[] }[]>(
        'map',
        'dump',
        'id',
        String(perCpu.id),
      )[0]!
      assert.equal(
        listed.map(({ value }) => Number(value[0])),
        mine.map(Number),
      )
      assert.equal(Array.from(object.maps.get('shared').values()), [5n])
      assert.is(
        outcome(() => perCpu.delete(key)),
        'ERR_UNSUPPORTED',
      )
    } finally {
      writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
      rmdirSync(group)
    }
  },
)

test.run()
