// After the kernel's selftest `bpf_obj_pinning`: a directory on bpffs is named by an absolute path, by a relative one, by a
// descriptor, and by the descriptor of a bpffs that is mounted nowhere.
import { closeSync, constants, openSync, readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMap, openObject, openPinned } from '../../src/index.ts'
import { closeFd, mountDetached } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')
// the number that the selftest looks for
const value = 0xcafebeefn

function pinAt(where: string): number {
  using object = openObject(fixture('pinning-names'), { root: where }).upgrade()
  object.maps.get('by_name').set(0, value)
  return object.maps.get('by_name').id
}

/** The object as it is found at a root: whole, by one of its pins, and without its file. */
function mustBeAt(where: string, id: number): void {
  using object = openObject(fixture('pinning-names'), { root: where }).loadPinned()
  assert.is(object.maps.get('by_name').id, id)
  using pinned = openPinned('pinning-names', { root: where })
  assert.is(pinned.maps.get('by_name').get(0), value)
  using map = openMap(`${where}/pinning-names/maps/by_name`)
  assert.equal([map.id, map.get(0)], [id, value])
}

function unpinAt(where: string): void {
  using object = openObject(fixture('pinning-names'), { root: where }).loadPinned()
  assert.equal(object.unpin().left, [])
}

/** Pinned in the one way and found in the other, and the other way round. */
function bothWays(where: string): void {
  for (const [one, other] of [
    [where, root],
    [root, where],
  ] as const) {
    const id = pinAt(one)
    mustBeAt(one, id)
    mustBeAt(other, id)
    unpinAt(other)
    assert.equal(readdirSync(root), [])
  }
}

onKernel('an absolute path names the root', () => {
  bothWays(`${root}/../root`)
})

onKernel('a relative path names it from the working directory', () => {
  const before = process.cwd()
  try {
    process.chdir(root)
    bothWays('.')
    process.chdir('..')
    bothWays('root')
    bothWays('./root/')
  } finally {
    process.chdir(before)
  }
})

onKernel('the descriptor of an open directory names it', () => {
  // O_PATH, which node does not name: bpffs needs no more
  const fd = openSync(root, constants.O_DIRECTORY | 0o10000000)
  try {
    bothWays(`/proc/self/fd/${fd}`)
  } finally {
    closeSync(fd)
  }
})

onKernel('an object is pinned in a bpffs that nobody else can see, and goes with it', () => {
  const fd = mountDetached('bpf')
  assert.ok(fd >= 0, `${fd}`)
  try {
    const where = `/proc/self/fd/${fd}`
    const id = pinAt(where)
    mustBeAt(where, id)
    assert.ok(readdirSync(where).includes('pinning-names'))
    assert.equal(readdirSync(root), [])
    unpinAt(where)
  } finally {
    closeFd(fd)
  }
})

test.run()
