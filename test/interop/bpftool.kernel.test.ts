import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openMap, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const withBpftool = needs(test, 'root', 'bpftool')

/** What bpftool says, parsed; nothing where it says nothing. */
function bpftool(...args: (string | number)[]): ReturnType<typeof JSON.parse> {
  const text = execFileSync('bpftool', ['--json', ...args.map(String)], { encoding: 'utf8' })
  return text.trim() === '' ? undefined : JSON.parse(text)
}

function pinned(): BpfObject {
  const spec = openObject(fixture('interop-shared'), { root })
  spec.variables.get('only_pid').set(process.pid)
  return spec.upgrade()
}

const at = (path: string): string => `${root}/interop-shared/${path}`

withBpftool('bpftool shows the maps, programs and links that we pinned', () => {
  using object = pinned()
  for (const map of object.maps) {
    const shown = bpftool('map', 'show', 'pinned', at(`maps/${map.name.replace('.', ':')}`))
    const { id, type, bytes_key, bytes_value, max_entries } = shown
    const { keySize, valueSize, maxEntries } = map
    assert.equal(
      { id, type, bytes_key, bytes_value, max_entries },
      {
        id: map.id,
        type: map.type,
        bytes_key: keySize,
        bytes_value: valueSize,
        max_entries: maxEntries,
      },
    )
  }
  const shown = bpftool('prog', 'show', 'pinned', at('programs/on_call'))
  assert.is(shown.id, object.programs.get('on_call').id)
  assert.is(shown.type, 'raw_tracepoint')
  assert.equal(
    shown.map_ids.toSorted(),
    ['tallies', '.rodata', '.bss'].map(name => object.maps.get(name).id).toSorted(),
  )
  const link = bpftool('link', 'show', 'pinned', at('links/on_call'))
  const { id, prog_id, tp_name } = link
  assert.equal(
    { id, prog_id, tp_name },
    {
      id: object.links.get('on_call').id,
      prog_id: shown.id,
      tp_name: 'sys_enter',
    },
  )
  object.unpin()
})

withBpftool('bpftool dumps our maps with the types that we gave the kernel', () => {
  using object = pinned()
  object.maps.get('tallies').set(7, { calls: 70n, flags: 2, comm: 'seven' })
  object.maps.get('numbers').set(3, 2n ** 40n)
  const tallies = bpftool('map', 'dump', 'pinned', at('maps/tallies'))
  assert.equal(
    tallies.map((entry: { formatted: unknown }) => entry.formatted),
    [{ key: 7, value: { calls: 70, flags: 2, comm: 'seven' } }],
  )
  const numbers = bpftool('map', 'dump', 'pinned', at('maps/numbers'))
  assert.equal(
    numbers.map((entry: { formatted: { value: number } }) => entry.formatted.value),
    [0, 0, 0, 2 ** 40],
  )
  const rodata = bpftool('map', 'dump', 'pinned', at('maps/:rodata'))
  assert.equal(rodata[0].formatted.value, { '.rodata': [{ only_pid: process.pid }] })
  object.unpin()
})

/** As bpftool takes them: a number a byte, the lowest first. */
const bytes = (value: bigint | number, size: number): string[] =>
  Array.from({ length: size }, (_, i) => String((BigInt(value) >> BigInt(8 * i)) & 0xffn))

withBpftool('what bpftool updates and looks up is what we read and write', () => {
  using object = pinned()
  const tallies = object.maps.get('tallies')
  const value = [...bytes(300, 8), ...bytes(9, 4), ...Buffer.from('bpftool'), ...bytes(0, 5)]
  bpftool('map', 'update', 'pinned', at('maps/tallies'), 'key', ...bytes(65537, 4), 'value', ...value)
  assert.equal(tallies.get(65537), { calls: 300n, flags: 9, comm: 'bpftool' })
  using opened = openMap(at('maps/tallies'))
  assert.equal([...opened], [[65537, { calls: 300n, flags: 9, comm: 'bpftool' }]])
  assert.is(opened.id, tallies.id)
  object.maps.get('numbers').set(2, 513n)
  const found = bpftool('map', 'lookup', 'pinned', at('maps/numbers'), 'key', ...bytes(2, 4))
  assert.equal(found.value.map(Number), [1, 2, 0, 0, 0, 0, 0, 0])
  bpftool('map', 'delete', 'pinned', at('maps/tallies'), 'key', ...bytes(65537, 4))
  assert.is(tallies.get(65537), undefined)
  object.unpin()
})

/** Has bpftool load an object and pin it, maps and programs each in a directory below the root. */
function pinnedByBpftool(): readonly string[] {
  mkdirSync(`${root}/maps`)
  bpftool('prog', 'loadall', fixture('counter'), `${root}/programs`, 'pinmaps', `${root}/maps`)
  return readdirSync(`${root}/maps`).sort()
}

const removeTheirs = (): void => {
  for (const name of ['maps', 'programs']) rmSync(`${root}/${name}`, { recursive: true })
}

withBpftool('maps that bpftool pinned are opened with their types', () => {
  const names = pinnedByBpftool()
  assert.equal(names, ['by_process', 'counter_bss', 'counter_data', 'counter_rodata', 'per_cpu', 'totals'])
  for (const name of names) {
    using map = openMap(`${root}/maps/${name}`)
    assert.is(map.id, bpftool('map', 'show', 'pinned', `${root}/maps/${name}`).id)
  }
  using processes = openMap(`${root}/maps/by_process`)
  processes.set(4, { calls: 1n, weighted: 2n, comm: 'four' })
  assert.equal([...processes], [[4, { calls: 1n, weighted: 2n, comm: 'four' }]])
  using data = openMap(`${root}/maps/counter_data`)
  assert.equal(data.get(0), { weight: 1n })
  removeTheirs()
})

withBpftool('maps that bpftool pinned are reused where an object of ours is told that they are', () => {
  pinnedByBpftool()
  using theirs = openMap(`${root}/maps/totals`)
  theirs.set(1, 41n)
  const spec = openObject(fixture('counter'), { root })
  spec.maps.get('totals').pinPath = `${root}/maps/totals`
  using object = spec.load()
  assert.is(object.maps.get('totals').id, theirs.id)
  assert.is(object.maps.get('totals').get(1), 41n)
  assert.is.not(object.maps.get('by_process').id, openId(`${root}/maps/by_process`))
  // their pin stays theirs
  object.pin()
  object.unpin()
  assert.is(openId(`${root}/maps/totals`), theirs.id)
  removeTheirs()
})

withBpftool('a map that bpftool pinned is given to an object of ours', () => {
  pinnedByBpftool()
  using theirs = openMap(`${root}/maps/by_process`)
  using object = openObject(fixture('counter'), { root }).load({ maps: { by_process: theirs } })
  const { id } = object.maps.get('by_process')
  assert.is(id, openId(`${root}/maps/by_process`))
  assert.ok(bpftool('prog', 'show', 'id', object.programs.get('on_enter').id).map_ids.includes(id))
  removeTheirs()
})

function openId(path: string): number {
  using map = openMap(path)
  return map.id
}

test.run()
