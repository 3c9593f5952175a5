import { readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openMap, openObject, openPinned } from '../../src/index.ts'
import { type BpfMap, learnIds } from '../../src/map/index.ts'
import { MapCreator } from '../../src/object/create-map.ts'
import { interceptSyscalls, objPin } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const count = 1024
const file = fixture('maps-1024')
const pins = `${root}/maps-1024/maps`

/** How often each system call is made. */
function callsOf(work: () => void): (name: string) => number {
  const calls = new Map<string, number>()
  interceptSyscalls(({ name }) => {
    calls.set(name, (calls.get(name) ?? 0) + 1)
    return undefined
  })
  try {
    work()
  } finally {
    interceptSyscalls(undefined)
  }
  return name => calls.get(name) ?? 0
}

/** What an object needs besides its maps: a lock, a manifest, directories. */
const beside = 40

/** Its maps alone. */
function open(): ObjectSpec {
  const spec = openObject(file, { root })
  for (const program of spec.programs) program.autoload = false
  return spec
}

function pinned(): BpfObject {
  const object = open().load()
  object.pin()
  return object
}

function isAbout(calls: number, wanted: number): void {
  assert.ok(calls >= wanted && calls < wanted + beside, `${calls} calls, expected ${wanted}`)
}

onKernel('a map costs one system call to create, one to pin, two to find again, one to unpin', () => {
  const spec = open()
  let object: BpfObject | undefined
  const load = callsOf(() => {
    object = spec.load()
  })
  isAbout(load('bpf(BPF_MAP_CREATE)'), count)
  isAbout(load('bpf(BPF_OBJ_GET_INFO_BY_FD)'), 0)
  const pin = callsOf(() => object?.pin())
  isAbout(pin('bpf(BPF_OBJ_PIN)'), count)
  // ids are inferred between maps that nobody else made one in between, and other tests make maps at any time
  const asked = pin('bpf(BPF_OBJ_GET_INFO_BY_FD)')
  assert.ok(asked < count / 4, `${asked} calls to ask for the ids of ${count} maps`)
  object?.close()
  for (const find of [() => open().load(), () => openPinned('maps-1024', { root })]) {
    const found = callsOf(() => find().close())
    isAbout(found('bpf(BPF_OBJ_GET)'), count)
    isAbout(found('bpf(BPF_OBJ_GET_INFO_BY_FD)'), count)
    isAbout(found('bpf(BPF_BTF_LOAD)') + found('bpf(BPF_MAP_CREATE)'), 0)
  }
  using again = open().loadPinned()
  const unpin = callsOf(() => again.unpin())
  isAbout(unpin('unlinkat'), count)
  isAbout(unpin('bpf(BPF_OBJ_GET)') + unpin('bpf(BPF_OBJ_GET_INFO_BY_FD)') + unpin('readlinkat'), 0)
  assert.equal(readdirSync(root), [])
})

onKernel('maps have the ids that the kernel gave them, also where others make maps in between', () => {
  const { maps } = openObject(file).spec
  const creator = new MapCreator(undefined)
  const others: BpfMap[] = []
  const made = maps.slice(0, 200).map((map, i) => {
    // one after each, then one now and then, then none
    if (i < 20 || (i < 100 && i % 17 === 0)) others.push(creator.create(map))
    return creator.create(map)
  })
  // in whatever order they are asked about
  learnIds(made.toReversed())
  for (const map of made) assert.is(map.id, map.info().id)
  for (const map of [...made, ...others]) map.close()
})

onKernel('what somebody put in the place of pins is left, in whatever order they lie', () => {
  using object = pinned()
  const names = readdirSync(pins).sort()
  const [first = '', second = '', third = '', fourth = ''] = names.slice(100)
  const strange = object.maps.get(fourth)
  unlinkSync(`${pins}/${first}`)
  objPin(strange.fd, `${pins}/${first}`)
  // the same map, pinned again
  unlinkSync(`${pins}/${second}`)
  objPin(object.maps.get(second).fd, `${pins}/${second}`)
  // pins that have changed their names are not those of the manifest
  renameSync(`${pins}/${third}`, `${pins}/aside`)
  renameSync(`${pins}/${fourth}`, `${pins}/${third}`)
  renameSync(`${pins}/aside`, `${pins}/${fourth}`)
  const { left, removed } = object.unpin()
  assert.equal(left.map(({ path }) => path).sort(), [
    `${root}/maps-1024`,
    pins,
    ...[first, third, fourth].map(name => `${pins}/${name}`),
  ])
  assert.is(removed, count - 3)
  using map = openMap(`${pins}/${first}`)
  assert.is(map.id, strange.id)
  for (const name of readdirSync(pins)) unlinkSync(`${pins}/${name}`)
  rmdirSync(pins)
  rmdirSync(`${root}/maps-1024`)
})

onKernel('a stranger beside the pins keeps its path', () => {
  using object = pinned()
  objPin(object.maps.get('map_001').fd, `${pins}/stranger`)
  const { removed } = object.unpin()
  assert.is(removed, count)
  assert.equal(readdirSync(pins), ['stranger'])
  unlinkSync(`${pins}/stranger`)
  rmdirSync(pins)
  rmdirSync(`${root}/maps-1024`)
})

test.run()
