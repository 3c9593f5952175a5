// What is known to go wrong with other loaders, each time by a name of what we do.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openMap, openObject, openPinned } from '../../src/index.ts'
import { interceptSyscalls, progTestRun } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

const open = (options = {}): ObjectSpec => openObject(fixture('pinning-others'), { root, ...options })

function pinned(spec: ObjectSpec = open()): BpfObject {
  const object = spec.load()
  object.attach()
  object.pin()
  return object
}

const returns = (object: BpfObject, program: string): number => {
  const { result, returnValue } = progTestRun(object.programs.get(program).fd)
  assert.is(result, 0)
  return returnValue
}

function idAt(path: string): number {
  using map = openMap(path)
  return map.id
}

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

function failingRename(run: () => void): void {
  interceptSyscalls(({ name }) => (name === 'renameat2' ? -28 : undefined))
  try {
    run()
  } finally {
    interceptSyscalls(undefined)
  }
}

// ---- names

onKernel('an object keeps all of its name: dots, and what comes after fifteen characters', () => {
  const names = ['flow.monitor.v2-on-every-host', 'flow.monitor.v2-on-every-guest']
  const bytes = readFileSync(fixture('pinning-others'))
  const objects = names.map(name => {
    const object = openObject(bytes, { root, name }).load()
    object.pin()
    return object
  })
  assert.equal(readdirSync(root).sort(), ['flow:monitor:v2-on-every-guest', 'flow:monitor:v2-on-every-host'])
  for (const [i, name] of names.entries()) {
    using found = openPinned(name, { root })
    assert.is(found.maps.get('.rodata').id, objects[i]!.maps.get('.rodata').id)
  }
  for (const object of objects) {
    object.unpin()
    object.close()
  }
})

onKernel('a section and a map whose names differ in a dot only are pinned as two', () => {
  using object = pinned()
  const [section, map] = ['.data.counts', '_data_counts'].map(name => object.maps.get(name))
  assert.is(idAt(`${root}/pinning-others/maps/:data:counts`), section!.id)
  assert.is(idAt(`${root}/pinning-others/maps/_data_counts`), map!.id)
  assert.is.not(section!.id, map!.id)
  object.unpin()
})

onKernel('dots in the path of a mount stay what they are', () => {
  const place = mkdtempSync(join(tmpdir(), 'bpfpin.x.service-'))
  execFileSync('mount', ['-t', 'bpf', 'bpf', place])
  try {
    using object = pinned(open({ root: `${place}/./pins/../pins` }))
    assert.ok(existsSync(`${place}/pins/pinning-others/maps/:rodata`))
    object.unpin()
  } finally {
    execFileSync('umount', [place])
    rmdirSync(place)
  }
})

onKernel('a name that bpffs cannot hold is refused before anything is done', () => {
  const error = failure(() => openObject(readFileSync(fixture('pinning-others')), { name: 'x'.repeat(251) }))
  assert.is(error.code, 'ERR_NAME')
  assert.match(error.message, '250')
  using longest = openObject(readFileSync(fixture('pinning-others')), { root, name: 'x'.repeat(250) }).load()
  longest.pin()
  longest.unpin()
})

// ---- pinning, and taking it back

onKernel('programs that are not loaded are left out of a pin', () => {
  using object = pinned()
  assert.equal(readdirSync(`${root}/pinning-others/programs`).sort(), [
    'get_answer',
    'get_setting',
    'on_call',
  ])
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('maps that are not created are left out of a pin and of an unpin', () => {
  const spec = open()
  spec.maps.get('marked').autocreate = false
  for (const name of ['on_call', 'get_setting', 'get_answer']) {
    spec.programs.get(name).autoload = name !== 'on_call'
  }
  using object = spec.load()
  object.pin()
  assert.not(existsSync(`${root}/pinning-others/maps/marked`))
  assert.equal(object.unpin().left, [])
  assert.equal(tree(), [])
})

onKernel('links are pinned with the rest, and directories go with it', () => {
  const object = pinned()
  assert.ok(existsSync(`${root}/pinning-others/links/on_call`))
  const { id } = object.links.get('on_call')
  object.close()
  using found = open().upgrade()
  assert.is(found.links.get('on_call').id, id)
  found.unpin()
  assert.equal(tree(), [])
})

onKernel('a pin path that is changed after pinning changes nothing about the unpin', () => {
  const spec = open()
  spec.maps.get('marked').pinPath = `${root}/here`
  using object = pinned(spec)
  spec.maps.get('marked').pinPath = `${root}/there`
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('after a pin that failed, the object is pinned elsewhere', () => {
  using stranger = openObject(fixture('pinning-names'), { root, name: 'stranger' }).load()
  stranger.pin()
  const taken = `${root}/stranger/maps/by_name`
  const spec = open()
  spec.maps.get('marked').pinPath = taken
  const before = tree()
  // what is there does not fit, so that it is seen on loading; a map of one's own does not change that
  assert.is(failure(() => spec.load()).code, 'ERR_PIN_MISMATCH')
  spec.maps.get('marked').pinPath = undefined
  using object = spec.load()
  spec.maps.get('marked').pinPath = taken
  const error = failure(() => object.pin())
  assert.is(error.code, 'EEXIST')
  assert.match(error.message, /the map 'by_name' with id \d+ is pinned/)
  assert.equal(tree(), before)
  spec.maps.get('marked').pinPath = `${root}/free`
  object.pin()
  assert.is(idAt(`${root}/free`), object.maps.get('marked').id)
  object.unpin()
  stranger.unpin()
  assert.equal(tree(), [])
})

onKernel('a pin that fails leaves the pin of a map that it only reused', () => {
  using first = pinned(open({ layout: 'libbpf' }))
  using second = open({ layout: 'libbpf', name: 'second' }).load()
  assert.is(second.maps.get('marked').id, first.maps.get('marked').id)
  const before = tree()
  failingRename(() => assert.is(failure(() => second.pin()).code, 'ENOSPC'))
  assert.equal(tree(), before)
  second.pin()
  second.unpin()
  assert.is(idAt(`${root}/marked`), first.maps.get('marked').id)
  first.unpin()
  assert.equal(tree(), [])
})

onKernel('something else at the path of a pin is not unpinned', () => {
  using object = pinned()
  using stranger = openObject(fixture('pinning-names'), { root, name: 'stranger' }).load()
  stranger.pin()
  const path = `${root}/pinning-others/maps/marked`
  rmSync(path)
  execFileSync('bpftool', ['map', 'pin', 'id', String(stranger.maps.get('unmarked').id), path])
  const { left } = object.unpin()
  assert.is(left[0]?.path, path)
  assert.is(idAt(path), stranger.maps.get('unmarked').id)
  rmSync(`${root}/pinning-others`, { recursive: true })
  stranger.unpin()
})

onKernel('no directory is left where there is no bpffs', () => {
  using object = open({ root: '/tmp/bpfpin-others/a' }).load()
  assert.is(failure(() => object.pin()).code, 'ERR_NO_BPFFS')
  assert.not(existsSync('/tmp/bpfpin-others'))
})

onKernel('a path of its own counts more than the mark in the source', () => {
  const spec = open({ layout: 'libbpf' })
  mkdirSync(`${root}/own`)
  spec.maps.get('marked').pinPath = `${root}/own/marked`
  using object = pinned(spec)
  assert.not(existsSync(`${root}/marked`))
  assert.is(idAt(`${root}/own/marked`), object.maps.get('marked').id)
  object.unpin()
  rmdirSync(`${root}/own`)
})

// ---- reuse

onKernel('constants that differ from the pinned ones are the ones that the program sees', () => {
  using first = pinned()
  assert.is(returns(first, 'get_answer'), 6)
  const spec = open()
  spec.variables.get('answer').set(5)
  using second = spec.load()
  assert.is(returns(second, 'get_answer'), 5)
  assert.is.not(second.maps.get('.rodata').id, first.maps.get('.rodata').id)
  assert.is(second.variables.get('answer').get(), 5)
  first.unpin()
})

onKernel('variables of a reused section are those of the pinned map, for reading and for writing', () => {
  using first = pinned()
  first.variables.get('setting').set(40)
  using second = open().load()
  assert.is(second.maps.get('.data').id, first.maps.get('.data').id)
  assert.is(second.variables.get('setting').get(), 40)
  second.variables.get('setting').set(41)
  assert.is(returns(second, 'get_setting'), 41)
  assert.is(returns(first, 'get_setting'), 41)
  assert.is(second.variables.get('counts').get(), 5n)
  first.unpin()
})

onKernel('the slots of a pinned program array stay as they are while a second object is loaded', () => {
  const kinds = (name: string): ObjectSpec => openObject(fixture('map-kinds'), { root, name })
  using first = kinds('kinds').load()
  first.pin()
  const slot = first.maps.get('jumps').get(1)
  using second = kinds('kinds').load()
  assert.is.not(second.maps.get('jumps').id, first.maps.get('jumps').id)
  assert.equal(first.maps.get('jumps').get(1), slot)
  assert.is.not(second.programs.get('tail').id, first.programs.get('tail').id)
  assert.is(returns(second, 'jump'), 7)
  first.unpin()
})

onKernel('the maps in a reused map of maps are those that the object has', () => {
  const kinds = (): ObjectSpec => openObject(fixture('map-kinds'), { root })
  using first = kinds().load()
  first.pin()
  using second = kinds().load()
  assert.is(second.maps.get('outer').id, first.maps.get('outer').id)
  assert.is(second.maps.get('outer').get(3), second.maps.get('inner_b').id)
  first.unpin()
})

onKernel('a ring buffer whose size the kernel rounds up is no mismatch', () => {
  const kinds = (): ObjectSpec => openObject(fixture('map-kinds'), { root })
  using first = kinds().upgrade()
  assert.is.not(first.maps.get('events').maxEntries, 5000)
  using again = kinds().upgrade()
  assert.is(again.maps.get('events').id, first.maps.get('events').id)
  first.unpin()
})

onKernel('a map that does not fit is refused by its field and both values', () => {
  using first = pinned()
  const spec = open()
  spec.maps.get('marked').maxEntries = 2
  const error = failure(() => spec.load())
  assert.match(error.message, "map 'marked': max_entries 1 is pinned, the object asks for 2")
  first.unpin()
})

// ---- opening

onKernel('what is no map is not opened as one, nor a program as a link', () => {
  using object = pinned()
  const at = (path: string): string => `${root}/pinning-others/${path}`
  for (const [path, kind] of [
    ['programs/get_answer', 'program'],
    ['links/on_call', 'link'],
  ] as const) {
    const error = failure(() => openMap(at(path)))
    assert.is(error.code, 'ERR_PIN_KIND')
    assert.match(error.message, new RegExp(`the ${kind} .*with id \\d+ is pinned`))
  }
  rmSync(at('links/on_call'))
  execFileSync('bpftool', [
    'prog',
    'pin',
    'id',
    String(object.programs.get('on_call').id),
    at('links/on_call'),
  ])
  assert.is(failure(() => open().loadPinned()).code, 'ERR_PIN_KIND')
  rmSync(at('links/on_call'))
  object.unpin()
})

onKernel('what is at the path of a map and is none is said when the object is loaded', () => {
  using object = pinned()
  const spec = open({ name: 'second' })
  spec.maps.get('marked').pinPath = `${root}/pinning-others/programs/get_answer`
  assert.is(failure(() => spec.load()).code, 'ERR_PIN_KIND')
  object.unpin()
})

test.run()
