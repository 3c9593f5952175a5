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
    // bpftool takes an array of char for text only where all of it is
    [{ key: 7, value: { calls: 70, flags: 2, comm: tallies[0].formatted.value.comm } }],
  )
  assert.equal(tallies[0].formatted.value.comm.slice(0, 5).join(''), 'seven')
  const numbers = bpftool('map', 'dump', 'pinned', at('maps/numbers'))
  assert.equal(
    numbers.map((entry: { formatted: { value: number } }) => entry.formatted.value),
    [0, 0, 0, 2 ** 40],
  )
  const rodata = bpftool('map', 'dump', 'pinned', at('maps/:rodata'))
  assert.equal(rodata[0].formatted.value, { '.rodata': [{ only_pid: process.pid }] })
  object.unpin()
})

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
  object.maps.get('numbers').set(2, 513n)
  const found = bpftool('map', 'lookup', 'pinned', at('maps/numbers'), 'key', ...bytes(2, 4))
  assert.equal(found.value.map(Number), [1, 2, 0, 0, 0, 0, 0, 0])
  bpftool('map', 'delete', 'pinned', at('maps/tallies'), 'key', ...bytes(65537, 4))
  assert.is(tallies.get(65537), undefined)
  object.unpin()
})

withBpftool('maps that bpftool pinned are opened with their types', () => {
  mkdirSync(`${root}/maps`)
  bpftool('prog', 'loadall', fixture('interop-shared'), `${root}/programs`, 'pinmaps', `${root}/maps`)
  assert.equal(readdirSync(`${root}/programs`).sort(), ['count', 'on_call'])
  const paths = readdirSync(`${root}/maps`).map(name => `${root}/maps/${name}`)
  assert.is(paths.length, 4)
  for (const path of paths) {
    using map = openMap(path)
    assert.is(map.id, bpftool('map', 'show', 'pinned', path).id)
  }
  using tallies = openMap(`${root}/maps/tallies`)
  tallies.set(4, { calls: 1n, flags: 0, comm: 'four' })
  assert.equal(tallies.get(4), { calls: 1n, flags: 0, comm: 'four' })
  for (const name of ['maps', 'programs']) rmSync(`${root}/${name}`, { recursive: true })
})

withBpftool('maps that bpftool pinned are reused by an object of ours that is told where they are', () => {
  mkdirSync(`${root}/theirs`)
  bpftool('prog', 'loadall', fixture('interop-shared'), `${root}/programs`, 'pinmaps', `${root}/theirs`)
  rmSync(`${root}/programs`, { recursive: true })
  using theirs = openMap(`${root}/theirs/numbers`)
  theirs.set(1, 41n)

  const spec = openObject(fixture('interop-shared'), { root })
  for (const name of ['tallies', 'numbers']) spec.maps.get(name).pinPath = `${root}/theirs/${name}`
  using object = spec.load()
  assert.is(object.maps.get('numbers').id, theirs.id)
  assert.is(object.maps.get('numbers').get(1), 41n)
  // their pins stay theirs
  object.pin()
  object.unpin()
  assert.ok(readdirSync(`${root}/theirs`).includes('numbers'))

  using given = openObject(fixture('interop-shared'), { root }).load({
    maps: { numbers: openMap(`${root}/theirs/numbers`) },
  })
  assert.is(given.maps.get('numbers').id, theirs.id)
  rmSync(`${root}/theirs`, { recursive: true })
})

test.run()
