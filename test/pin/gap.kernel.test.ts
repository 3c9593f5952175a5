// A link that must go before its successor can be made: an XDP link that changes its mode.
import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openPinned } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'
import { namesBelow } from './kernel-state.ts'
import { removeCgroup, type Version } from './steady.ts'
import { leaveNetwork, withGap } from './steady-operations.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

test.before(leaveNetwork)
test.after(removeCgroup)

type Listed = readonly (readonly [name: string, id: number, alive: boolean])[]

function upgraded(version: Version): Listed {
  using object: BpfObject = withGap(version).upgrade({ allowGap: true })
  return [...object.links].map(({ name, id, alive }) => [name, id, alive])
}

function unpin(): unknown {
  using open = Root.find(root)
  return open && unpinObject(open, 'steady')
}

/** The program of a link, by bpftool. */
function programOf(link: number): number {
  const shown = execFileSync('bpftool', ['-j', 'link', 'show', 'id', String(link)], { encoding: 'utf8' })
  return JSON.parse(shown).prog_id
}

/** The manifest, the pins and the kernel agree on every link. */
function mustAgree(links: Listed): void {
  using object = openPinned('steady', { root })
  assert.equal(
    [...object.links].map(({ name, id }) => [name, id, true]),
    links,
  )
  for (const { name, id } of object.links) assert.is(programOf(id), object.programs.get(name).id)
  assert.not(namesBelow(root).some(name => /~(next|draft)/.test(name)))
}

onKernel('a link that must go first is refused unless a gap is allowed, and nothing is changed', () => {
  const before = upgraded(1)
  const names = namesBelow(root)
  assert.is(failure(() => withGap(2).upgrade()).code, 'ERR_GAP')
  assert.equal(namesBelow(root), names)
  mustAgree(before)
  unpin()
  assert.equal(namesBelow(root), [])
})

onKernel('a link that was made after a gap is found again by its id, and goes with its object', () => {
  upgraded(1)
  const links = upgraded(2)
  mustAgree(links)
  assert.equal(upgraded(2), links)
  assert.equal(unpin(), { removed: 6, left: [], stillAttached: [] })
  assert.equal(namesBelow(root), [])
})

test.run()
