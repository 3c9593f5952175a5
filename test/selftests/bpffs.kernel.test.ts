// After the kernel's selftest `test_bpffs`: what bpffs promises, on which pinning a whole object at once rests; and what
// becomes of objects then.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMap, openObject, openPinned } from '../../src/index.ts'
import { Root } from '../../src/pin/index.ts'
import { renameFile, renameFlag } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

const EEXIST = -17

function rename(from: string, to: string, flags: number): number {
  using directory = Root.open(root, 0o700)
  return renameFile(from, to, flags, directory.fd)
}

const inode = (path: string): number => statSync(`${root}/${path}`).ino

/** Pins an object and gives its maps' ids. */
function pinned(name: string): number[] {
  using object = openObject(fixture('pinning-names'), { root, name }).upgrade()
  return [...object.maps].map(({ id }) => id)
}

function found(name: string): number[] {
  using object = openPinned(name, { root })
  return [...object.maps].map(({ id }) => id)
}

const clear = (): void => {
  for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
}

onKernel('two mounts are two file systems', () => {
  const place = mkdtempSync(join(tmpdir(), 'bpfpin-second-'))
  execFileSync('mount', ['-t', 'bpf', 'bpf', place])
  try {
    const ids = pinned('here')
    using object = openObject(fixture('pinning-names'), { root: place, name: 'here' }).upgrade()
    assert.not.equal(
      [...object.maps].map(({ id }) => id),
      ids,
    )
    object.unpin()
    assert.equal(found('here'), ids)
  } finally {
    execFileSync('umount', [place])
    rmdirSync(place)
    clear()
  }
})

onKernel("an object stands beside the kernel's own files, which stay as they are", () => {
  const mount = `${root}/..`
  // only where the kernel has CONFIG_BPF_PRELOAD; and not all that have it can read them
  const kernels = readdirSync(mount).filter(name => name.endsWith('.debug'))
  const before = kernels.map(name => said(`${mount}/${name}`))
  using object = openObject(fixture('pinning-names'), { root: mount, name: 'beside' }).upgrade()
  assert.equal(
    kernels.map(name => said(`${mount}/${name}`)),
    before,
  )
  object.unpin()
  assert.equal(readdirSync(mount).sort(), [...kernels, 'root'].sort())
})

/** The first line of a file, which names its columns, or why it cannot be read. */
function said(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0]
  } catch (error) {
    // node's own
    return (error as NodeJS.ErrnoException).code
  }
}

onKernel('directories are nested', () => {
  mkdirSync(`${root}/a/b/c/d`, { recursive: true })
  assert.ok(statSync(`${root}/a/b/c/d`).isDirectory())
  clear()
})

onKernel('two objects change places at once, whole', () => {
  const [one, two] = [pinned('one'), pinned('two')]
  const inodes = [inode('one'), inode('two')]
  assert.is(rename('one', 'two', renameFlag.EXCHANGE), 0)
  assert.equal([inode('two'), inode('one')], inodes)
  assert.equal(readdirSync(`${root}/one/maps`).sort(), ['by_name', 'marked_not', 'unmarked'])
  assert.equal([found('two'), found('one')], [one, two])
  clear()
})

onKernel('an object and a single pin change places at once', () => {
  const ids = pinned('object')
  mkdirSync(`${root}/place`)
  using map = openMap(`${root}/object/maps/by_name`)
  execFileSync('bpftool', ['map', 'pin', 'id', String(map.id), `${root}/single`])
  const inodes = [inode('object'), inode('single')]
  assert.is(rename('object', 'single', renameFlag.EXCHANGE), 0)
  assert.equal([inode('single'), inode('object')], inodes)
  assert.equal(found('single'), ids)
  using moved = openMap(`${root}/object`)
  assert.is(moved.id, map.id)
  clear()
})

onKernel('nothing takes the name of what is there, if it is told not to', () => {
  const ids = pinned('object')
  mkdirSync(`${root}/other`)
  assert.is(rename('other', 'object', renameFlag.NOREPLACE), EEXIST)
  assert.is(rename('object', 'other', renameFlag.NOREPLACE), EEXIST)
  assert.equal(found('object'), ids)
  assert.equal(readdirSync(`${root}/other`), [])
  clear()
})

test.run()
