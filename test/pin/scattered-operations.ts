// Operations on one object of two maps, six programs and three links, parts of which are pinned outside of its directory.
import * as assert from 'uvu/assert'
import { type ObjectSpec, openPinned } from '../../src/index.ts'
import { listObject, listStrangers, objectNames, Root, unpinObject } from '../../src/pin/index.ts'
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

export const reads: readonly Operation[] = [
  reading('find again', ({ begin, keep }) => {
    begin()
    keep(spec().upgrade())
  }),
  reading('loadPinned', ({ begin, keep }) => {
    begin()
    keep(spec().loadPinned())
  }),
  reading('openPinned', ({ begin, keep }) => {
    begin()
    keep(openPinned('links', { root }))
  }),
  reading('openPinned, read', ({ begin, keep }) => {
    begin()
    keep(openPinned('links', { root, readOnly: true }))
  }),
  reading('plan', ({ begin }) => {
    begin()
    spec().plan()
  }),
  reading('ls', ({ begin }) => {
    begin()
    using open = Root.find(root)
    if (!open) return
    for (const name of objectNames(open)) listObject(open, name)
    listStrangers(open)
  }),
  reading('close', ({ begin, keep }) => {
    const object = keep(spec().loadPinned())
    begin()
    object.close()
  }),
]

export const pins: readonly Operation[] = [
  {
    ...nothingPinned,
    name: 'pin',
    run({ begin, keep }) {
      const object = keep(spec().load())
      object.attach()
      begin()
      object.pin()
    },
  },
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
