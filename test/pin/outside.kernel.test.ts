import { existsSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, openPinned } from '../../src/index.ts'
import { readManifest } from '../../src/pin/manifest-map.ts'
import { closeFd, interceptSyscalls, mountDetached, openFile, openFlag } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { removeCgroup, steady, type Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

/** An object with one map at a path of its own. */
function load(pinPath: string, name = 'functions'): BpfObject {
  const spec = openObject(fixture('functions'), { root, name })
  spec.maps.get('numbers').pinPath = pinPath
  return spec.load()
}

onKernel('directories that are made for a pin outside go with it', () => {
  using object = load(`${root}/a/b/c/numbers`)
  object.pin()
  assert.ok(tree().includes('a/b/c/numbers'))
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('a directory that others pin in stays, without a word', () => {
  using first = load(`${root}/a/first`)
  first.pin()
  using second = load(`${root}/a/b/second`, 'other')
  second.pin()
  assert.equal(first.unpin().left, [])
  assert.ok(existsSync(`${root}/a/b/second`))
  // it made only the inner one
  assert.equal(second.unpin().left, [])
  assert.equal(tree(), ['a'])
  rmSync(`${root}/a`, { recursive: true })
})

onKernel('nothing is made where there is no bpffs', () => {
  using object = load('/tmp/bpfpin-outside/numbers')
  const error = failure(() => object.pin())
  assert.is(error.code, 'ERR_NO_BPFFS')
  assert.not(existsSync('/tmp/bpfpin-outside'))
  assert.equal(tree(), [])
})

onKernel('a pin that fails takes back the directories that it made outside', () => {
  using object = load(`${root}/a/b/numbers`)
  interceptSyscalls(({ name }) => (name === 'renameat2' ? -28 : undefined))
  try {
    assert.is(failure(() => object.pin()).code, 'ENOSPC')
  } finally {
    interceptSyscalls(undefined)
  }
  assert.equal(tree(), [])
})

onKernel('an object whose directory outside was removed by hand is unpinned', () => {
  using object = load(`${root}/a/numbers`)
  object.pin()
  rmSync(`${root}/a`, { recursive: true })
  object.unpin()
  assert.equal(tree(), [])
})

for (const path of ['', '/', '../x', 'a/../x', './x', 'a//x', 'x/', 'a\0b']) {
  onKernel(`the path ${JSON.stringify(path)} is none for a pin, and nothing is made`, () => {
    const spec = openObject(fixture('functions'), { root })
    spec.maps.get('numbers').pinPath = path
    const error = failure(() => spec.upgrade())
    assert.is(error.code, 'ERR_NAME')
    assert.match(error.message, `map 'numbers' cannot be pinned at '${path}'`)
    assert.equal(tree(), [])
  })
}

for (const path of ['functions', 'functions/maps/x', 'functions~next/x', 'functions~prev/x']) {
  onKernel(`the object's own '${path}' is no place for what is pinned outside`, () => {
    const spec = openObject(fixture('functions'), { root })
    spec.maps.get('numbers').pinPath = path
    const error = failure(() => spec.upgrade())
    assert.is(error.code, 'ERR_NAME')
    assert.is(error.path, `${root}/${path}`)
    assert.equal(tree(), [])
  })
}

onKernel("an upgrade pins nothing in the object's own directory by its path either", () => {
  using first = openObject(fixture('functions'), { root }).upgrade()
  const before = tree()
  const spec = openObject(fixture('functions'), { root })
  spec.maps.get('numbers').pinPath = 'functions/maps/other'
  const error = failure(() => spec.upgrade({ onMismatch: 'replace' }))
  assert.is(error.code, 'ERR_NAME')
  assert.is(error.path, `${root}/functions/maps/other`)
  assert.equal(tree(), before)
  first.unpin()
  assert.equal(tree(), [])
})

/** Runs something with the root open, and with the path that its descriptor has. */
function withDescriptor(fd: number, run: (path: string) => void): void {
  try {
    run(`/proc/self/fd/${fd}`)
  } finally {
    closeFd(fd)
  }
}

for (const layout of ['object', 'libbpf'] as const) {
  onKernel(`below an open root, layout '${layout}', pins outside are listed by a path of their own`, () => {
    withDescriptor(openFile(root, openFlag.PATH | openFlag.DIRECTORY), path => {
      const spec = openObject(fixture('functions'), { root: path, layout })
      spec.maps.get('numbers').pinPath = 'elsewhere/numbers'
      spec.upgrade().close()
      using pinned = openPinned('functions', { root })
      assert.is(pinned.maps.get('numbers').name, 'numbers')
      const open = openFile(`${root}/functions`, openFlag.PATH | openFlag.DIRECTORY)
      const manifest = readManifest(open, '')
      closeFd(open)
      const outside = manifest?.pins.flatMap(({ file }) => (file.startsWith('/') ? [file] : []))
      assert.equal(outside, [`${root}/elsewhere/numbers`])
      assert.equal(manifest?.directories, [`${root}/elsewhere`])
      using same = openObject(fixture('functions'), { root: path, layout }).upgrade({ onMismatch: 'replace' })
      same.unpin()
    })
    assert.equal(tree(), [])
  })
}

onKernel('an open root that has no path takes nothing but what is in the directory of an object', () => {
  // bpffs itself has maps.debug and progs.debug in the root of a mount
  const own = (path: string) => readdirSync(path).filter(name => !name.endsWith('.debug'))
  withDescriptor(mountDetached('bpf'), path => {
    const spec = openObject(fixture('functions'), { root: path })
    spec.maps.get('numbers').pinPath = 'numbers'
    const error = failure(() => spec.upgrade())
    assert.is(error.code, 'ERR_NAME')
    assert.is(error.path, `${path}/numbers`)
    assert.match(error.message, "map 'numbers' cannot be pinned at")
    assert.equal(own(path), [])
    spec.maps.get('numbers').pinPath = undefined
    using object = spec.upgrade()
    assert.equal(own(path), ['functions'])
    object.unpin()
    assert.equal(own(path), [])
  })
})

onKernel(
  'a link outside of a kind that is switched in place is, there and back, and is the same link then',
  () => {
    const upgrade = (version: Version): BpfObject => {
      const spec = steady(root, version, { only: ['egress'], pid: process.pid })
      spec.programs.get('on_egress').link.pinPath = 'elsewhere/on_egress'
      return spec.upgrade({ keepPrevious: true })
    }
    using first = upgrade(1)
    using second = upgrade(2)
    const link = first.links.get('on_egress')
    assert.is(second.links.get('on_egress').id, link.id)
    assert.is(link.info().progId, second.programs.get('on_egress').id)
    second.rollback()
    using again = openPinned('steady', { root })
    assert.is(again.links.get('on_egress').id, link.id)
    assert.is(link.info().progId, first.programs.get('on_egress').id)
    using third = upgrade(1)
    third.unpin()
    assert.equal(tree(), [])
  },
)

test.after(removeCgroup)
test.run()
