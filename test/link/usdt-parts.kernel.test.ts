// Before Linux 6.6 the kernel has a link for each place of a probe. Newer ones are made to look like that.
import { readdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type ObjectSpec, openPinned } from '../../src/index.ts'
import { hasUprobeMulti } from '../../src/link/index.ts'
import { listObject, Root } from '../../src/pin/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'
import { counted, hitsOf, opened, probe, Target } from './usdt-target.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onX86 = process.arch === 'x64' ? needs(test, 'root') : () => {}
const EINVAL = -22

test.before(() => {
  interceptSyscalls(({ name }) => (name === 'bpf(BPF_LINK_CREATE)' ? EINVAL : undefined))
  try {
    // the answer is kept for as long as the process lives
    assert.is(hasUprobeMulti(), false)
  } finally {
    interceptSyscalls(undefined)
  }
})

const specOf = (version = 1): ObjectSpec => {
  const spec = opened({ version })
  spec.programs.get('on_probe').target = probe('counted')
  return spec
}

const pinned = (): string[] => readdirSync(`${root}/usdt/links`).sort()

onX86(
  'a link for each place is pinned beside the first, and all of them are one for the object',
  async () => {
    using target = new Target()
    using object = specOf().upgrade()
    assert.equal(pinned(), ['on_probe', 'on_probe~+2', 'on_probe~+3'])
    assert.equal(
      [...object.links].map(({ name, type }) => `${name} ${type}`),
      ['on_probe perf_event'],
    )
    using other = openPinned('usdt', { root })
    assert.equal(
      [...other.links].map(({ name }) => name),
      ['on_probe'],
    )
    using at = Root.find(root)
    const listed = listObject(at!, 'usdt')
    assert.equal(
      listed?.links.map(({ name, target }) => `${name} ${target}`),
      [`on_probe ${probe('counted').binary}:bpfpin:counted`],
    )
    assert.equal(listed?.problems, [])
    object.close()
    assert.is(await target.fire(), 3)

    using found = specOf().loadPinned()
    assert.is(hitsOf(found).length, 3)
    assert.equal(found.unpin().stillAttached, [])
    assert.is(await target.fire(), 0)
    assert.equal(readdirSync(root), [])
  },
)

onX86('an upgrade switches all of them, a rollback too', async () => {
  using target = new Target()
  specOf(1).upgrade().close()
  specOf(2).upgrade({ keepPrevious: true }).close()
  assert.equal(pinned(), ['on_probe', 'on_probe~+2', 'on_probe~+3'])
  assert.is(await target.fire(), 3)
  using second = specOf(2).loadPinned()
  const report = second.rollback()
  assert.equal(report.links, [{ name: 'on_probe', action: 'overlap' }])
  assert.equal(report.left, [])
  assert.is(await target.fire(), 3)
  using first = specOf(1).loadPinned()
  const hits = hitsOf(first)
  assert.equal(
    hits.map(({ program }) => program),
    [21, 21, 21, 11, 11, 11],
  )
  for (const { value } of hits) assert.equal(value.slice(0, 3), counted)
  second.close()
  first.unpin()
  assert.is(await target.fire(), 0)
})

onX86('where another link of the object changes, these are made anew beside the old ones', async () => {
  using target = new Target()
  const twoOf = (other: string): ObjectSpec => {
    const spec = opened()
    spec.programs.get('on_probe').targets = { a: probe('counted'), b: probe(other) }
    return spec
  }
  twoOf('plain').upgrade().close()
  const spec = twoOf('widths')
  assert.is(spec.plan().kind, 'relink')
  using object = spec.upgrade()
  assert.equal(object.upgraded?.links, [
    { name: 'on_probe~a', action: 'overlap' },
    { name: 'on_probe~b', action: 'overlap' },
  ])
  assert.equal(pinned(), ['on_probe~a', 'on_probe~a~+2', 'on_probe~a~+3', 'on_probe~b'])
  assert.is(await target.fire(), 3)
  assert.equal(
    hitsOf(object).map(({ count }) => count),
    [3, 3, 3, 12],
  )
  // the same again finds what is there
  using again = twoOf('widths').upgrade()
  assert.is(again.wasFound, true)
  again.close()
  object.unpin()
  assert.is(await target.fire(), 0)
})

onX86('a part whose pin is gone is missed, and mended by an upgrade', async () => {
  using target = new Target()
  specOf().upgrade().close()
  rmSync(`${root}/usdt/links/on_probe~+2`)
  assert.is((failure(() => specOf().loadPinned()) as BpfError).code, 'ERR_PIN_MISSING')
  using at = Root.find(root)
  assert.match(listObject(at!, 'usdt')?.problems.join() ?? '', "link 'on_probe~+2' is in the manifest, but")
  using object = specOf().upgrade()
  assert.equal(pinned(), ['on_probe', 'on_probe~+2', 'on_probe~+3'])
  assert.is(await target.fire(), 3)
  object.unpin()
})

onX86('they cannot be pinned at a path of their own, and nothing is left of the attempt', async () => {
  using target = new Target()
  const spec = specOf()
  spec.programs.get('on_probe').link.pinPath = 'elsewhere'
  const error = failure(() => spec.upgrade()) as BpfError
  assert.is(error.code, 'ERR_UNPINNABLE')
  assert.match(error.message, 'it is 3 links')
  assert.is(await target.fire(), 0)
  assert.equal(readdirSync(root), [])
})

test.run()
