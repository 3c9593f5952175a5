// Operations on one object of two maps, six programs and three links, parts of which are pinned outside of its directory.
import { renameSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { listObject, listStrangers, objectNames, Root, unpinObject } from '../../src/pin/index.ts'
import { WriterLock } from '../../src/pin/lock.ts'
import { fixture } from '../fixtures.ts'
import { namesBelow } from './kernel-state.ts'
import type { Operation } from './operation.ts'
import { removeCgroup, scattered } from './scattered.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const spec = (): ObjectSpec => scattered(root)

/** What a reader finds: nothing, or an object of which every pin is there. */
function seen(text: string): 'nothing' | 'all' {
  using open = Root.find(root)
  const object = open && listObject(open, 'links')
  if (!object) return 'nothing'
  assert.equal(object.problems, [], text)
  assert.equal([object.maps.length, object.programs.length, object.links.length], [2, 6, 3], text)
  return 'all'
}

function mustBeAllThatIsThere(text: string): void {
  assert.is(seen(text), 'all', text)
  const names = namesBelow(root)
  assert.not(
    names.some(name => name.includes('~next')),
    `${text}: ${names.join(' ')}`,
  )
}

function unpin(): void {
  using open = Root.find(root)
  if (open) unpinObject(open, 'links')
  assert.equal(namesBelow(root), [])
}

const nothingPinned = {
  forward: 'never',
  prepare: unpin,
  mustBeWhole(text) {
    seen(text)
  },
  finish(text) {
    using again = spec().upgrade()
    mustBeAllThatIsThere(text)
    assert.is(again.links.size, 3, text)
  },
  end() {
    unpin()
    removeCgroup()
  },
} satisfies Partial<Operation>

const allPinned = {
  ...nothingPinned,
  prepare() {
    spec().upgrade().close()
  },
  mustBeWhole: mustBeAllThatIsThere,
} satisfies Partial<Operation>

/** What only reads: whatever fails, nothing changes. */
function reading(name: string, run: Operation['run']): Operation {
  return { ...allPinned, name, run }
}

export const loads: readonly Operation[] = [
  {
    ...nothingPinned,
    name: 'open, load',
    run({ begin, keep }) {
      begin()
      keep(spec().load())
    },
  },
  {
    ...nothingPinned,
    name: 'attach',
    run({ begin, keep }) {
      const object = keep(spec().load())
      begin()
      object.attach()
    },
  },
  {
    ...nothingPinned,
    name: 'first upgrade',
    run({ begin, keep }) {
      begin()
      keep(spec().upgrade())
    },
  },
]

/** Everything of an object that has an id. */
function idsOf({ maps, programs, links }: Record<'maps' | 'programs' | 'links', Items>): string {
  return [...maps, ...programs, ...links].map(({ name, id }) => `${name} ${id}`).join()
}

type Items = Iterable<{ readonly name: string; readonly id: number }>

/** What `ls` shows; `undefined` where it says that something could not be looked at. */
function listed(open: Root): string | undefined {
  const objects = objectNames(open).map(name => listObject(open, name))
  const { pins, sides, notes } = listStrangers(open)
  const isTold =
    notes.length > 0 ||
    pins.some(({ kind }) => kind === 'unknown') ||
    objects.some(object => !object || object.problems.length > 0 || object.notes.length > 0)
  return isTold ? undefined : JSON.stringify({ objects, pins, sides })
}

export const reads: readonly Operation[] = [
  reading('find again', ({ begin, keep }) => {
    begin()
    return idsOf(keep(spec().upgrade()))
  }),
  reading('loadPinned', ({ begin, keep }) => {
    begin()
    return idsOf(keep(spec().loadPinned()))
  }),
  reading('openPinned', ({ begin, keep }) => {
    begin()
    return idsOf(keep(openPinned('links', { root })))
  }),
  reading('openPinned, read', ({ begin, keep }) => {
    begin()
    return idsOf(keep(openPinned('links', { root, readOnly: true })))
  }),
  reading('plan', ({ begin }) => {
    begin()
    return JSON.stringify(spec().plan())
  }),
  {
    ...reading('ls', ({ begin }) => {
      begin()
      using open = Root.find(root)
      return open && listed(open)
    }),
    // a directory that one may not look into is no object's; here the walk that says why may look
    mayFind: (found, errno) => found.startsWith('{"objects":[]') && /^(EACCES|EPERM|ELOOP)$/.test(errno),
  },
  reading('close', ({ begin, keep }) => {
    const object = keep(spec().loadPinned())
    begin()
    object.close()
  }),
]

const pin: Operation = {
  ...nothingPinned,
  name: 'pin',
  run({ begin, keep }) {
    const object = keep(spec().load())
    object.attach()
    begin()
    object.pin()
  },
}

/** Pinned by another object, which has a map at the path where this one would have it. */
function owner(): ObjectSpec {
  const spec = openObject(fixture('links'), { root, name: 'owner' })
  spec.maps.get('.rodata').pinPath = `${root}/constants/those`
  for (const program of spec.programs) program.autoattach = false
  return spec
}

/** What is another's stays. */
const pinShared: Operation = {
  ...pin,
  name: 'pin, shared',
  prepare() {
    using open = Root.find(root)
    if (open) unpinObject(open, 'links')
    owner().upgrade().close()
  },
  end() {
    using open = Root.find(root)
    if (open) unpinObject(open, 'links')
    if (open) unpinObject(open, 'owner')
    assert.equal(namesBelow(root), [])
  },
}

/** Clears away what an unpin left that was killed after its first step. */
const clearUnpin: Operation = {
  ...nothingPinned,
  name: 'clear an unpin',
  forward: 'always',
  prepare() {
    spec().upgrade().close()
    renameSync(`${root}/links`, `${root}/links~next`)
  },
  run({ begin }) {
    using open = Root.open(root, 0o700)
    begin()
    WriterLock.take(open, 'links', { mode: 0o700, waitMs: 0 }).release()
  },
  finish() {
    using open = Root.open(root, 0o700)
    WriterLock.take(open, 'links', { mode: 0o700, waitMs: 0 }).release()
    assert.equal(namesBelow(root), [])
  },
}

export const clearings: readonly Operation[] = [clearUnpin]

export const pins: readonly Operation[] = [
  pin,
  pinShared,
  {
    ...allPinned,
    name: 'unpin',
    forward: 'always',
    run({ begin, keep }) {
      const object = keep(spec().loadPinned())
      begin()
      object.unpin()
    },
    mustBeWhole(text) {
      seen(text)
    },
  },
]
