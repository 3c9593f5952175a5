// File systems that are not what one thinks, or not any more.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { watchSteps } from '../../src/pin/index.ts'
import type { Step } from '../../src/plan/steps.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-mounts-'))
const place = join(scratch, 'bpf')
const onKernel = needs(test, 'root')

const functions = (root: string): ObjectSpec => openObject(fixture('functions'), { root })
const [first = ''] = [...functions(place).maps].map(({ name }) => name)

/** In the mount namespace of this test file alone. */
function mount(...args: string[]): void {
  execFileSync('mount', args)
}

function unmount(path: string): void {
  execFileSync('umount', ['-l', path])
}

test.before.each(() => {
  mkdirSync(place)
  mount('-t', 'bpf', 'bpf', place)
})
test.after.each(() => {
  watchSteps(undefined)
  unmount(place)
  rmSync(scratch, { recursive: true })
  mkdirSync(scratch)
})
test.after(() => rmSync(scratch, { recursive: true }))

onKernel('a root on any other file system is refused, and no directory is made there', () => {
  const others = [scratch, join(scratch, 'not/there'), '/proc', '/', process.cwd()]
  const before = readdirSync(place)
  for (const root of others) {
    const error = failure(() => functions(root).upgrade())
    assert.is(error.code, 'ERR_NO_BPFFS')
    assert.match(error.message, /not on a bpffs$/)
    assert.match(error.hint ?? '', /mount/)
    assert.is(failure(() => openPinned('functions', { root })).code, 'ERR_NOT_PINNED')
    const spec = functions(place)
    spec.maps.get(first).pinPath = root.startsWith('/proc') ? undefined : join(root, 'pin')
    if (!root.startsWith('/proc')) assert.is(failure(() => spec.upgrade()).code, 'ERR_NO_BPFFS', root)
  }
  assert.equal(readdirSync(scratch), ['bpf'])
  assert.equal(readdirSync(place), before)
})

onKernel('what is pinned on a bpffs that is mounted read-only is used, and not changed', () => {
  functions(place).upgrade().close()
  mount('-o', 'remount,bind,ro', place)
  using found = functions(place).loadPinned()
  assert.ok(found.maps.size > 0)
  const calls: (() => unknown)[] = [
    () => openObject(fixture('functions'), { root: place, name: 'another' }).upgrade(),
    () => found.unpin(),
  ]
  for (const call of calls) {
    const error = failure(call)
    assert.is(error.code, 'EROFS')
    assert.match(error.hint ?? '', /mounted read-only/)
  }
  mount('-o', 'remount,bind,rw', place)
  found.unpin()
})

/** Runs something during the step before the commit; the result is the error of the pin. */
function atTheLastStep(object: BpfObject, run: () => void): ReturnType<typeof failure> {
  let isDone = false
  watchSteps((step: Step) => {
    if (isDone || step.do !== 'write-manifest') return
    isDone = true
    run()
  })
  const error = failure(() => object.pin())
  watchSteps(undefined)
  assert.ok(isDone)
  return error
}

const happenings: Record<
  string,
  { readonly run: (root: string) => void; readonly undo: (root: string) => void }
> = {
  'is unmounted': { run: () => unmount(place), undo: () => mount('-t', 'bpf', 'bpf', place) },
  'has another mounted over it': {
    run: () => mount('-t', 'bpf', 'bpf', place),
    undo: () => unmount(place),
  },
  'has its directory moved': {
    run: root => renameSync(root, `${root}-moved`),
    undo: root => renameSync(`${root}-moved`, root),
  },
  'has its directory replaced': {
    run: root => {
      renameSync(root, `${root}-moved`)
      mkdirSync(root)
    },
    undo: root => {
      rmSync(root, { recursive: true })
      renameSync(`${root}-moved`, root)
    },
  },
}

for (const [what, { run, undo }] of Object.entries(happenings)) {
  onKernel(`a bpffs that ${what} while something is pinned there is no place to have pinned it`, () => {
    const root = `${place}/root`
    mkdirSync(root)
    using object = functions(root).load()
    const error = atTheLastStep(object, () => run(root))
    assert.is(error.code, 'ERR_NO_BPFFS')
    assert.is(error.path, root)
    assert.match(error.message, /not the directory any more/)
    undo(root)
    // all of it was taken back, and the object can be pinned now
    if (existsSync(root)) assert.equal(readdirSync(root), [])
    object.pin()
    assert.equal(readdirSync(root), ['functions'])
    object.unpin()
  })
}

onKernel('two bpffs know nothing of each other, and an object may have pins on both', () => {
  const other = join(scratch, 'other')
  mkdirSync(other)
  mount('-t', 'bpf', 'bpf', other)
  try {
    const spec = functions(place)
    spec.maps.get(first).pinPath = `${other}/below/there`
    using object = spec.upgrade()
    assert.equal(readdirSync(`${other}/below`), ['there'])
    assert.is(failure(() => openPinned('functions', { root: other })).code, 'ERR_NOT_PINNED')
    using second = functions(other).upgrade()
    assert.is.not([...second.maps][0]!.id, [...object.maps][0]!.id)
    assert.is(object.unpin().left.length, 0)
    assert.ok(!existsSync(`${other}/below`) && existsSync(`${other}/functions/~object`))
    second.unpin()
  } finally {
    unmount(other)
    rmSync(other, { recursive: true })
  }
})

test.run()
