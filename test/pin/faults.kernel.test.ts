import { mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { WriterLock } from '../../src/pin/lock.ts'
import { Root } from '../../src/pin/root.ts'
import { errnos, failing } from '../faults.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { removeCgroup, scattered } from './scattered.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

const openFiles = (): number => readdirSync('/proc/self/fd').length

/** Two maps, six programs and three links, of which a map and a program are pinned outside of the object's directory. */
const spec = (): ObjectSpec => scattered(root)

/** What an object is: everything that has an id. */
const idsOf = ({ maps, programs, links }: { maps: Items; programs: Items; links: Items }): string =>
  [...maps, ...programs, ...links].map(({ name, id }) => `${name} ${id}`).join()

type Items = Iterable<{ readonly name: string; readonly id: number }>

interface Outcome {
  readonly n: number
  /** The call that failed, in words for messages. */
  readonly call: string
  /** What was thrown, if anything: not every call is needed. */
  readonly error: BpfError | undefined
}

/** Runs something once for each system call that it makes, with that one failing. */
function eachFailing(code: keyof typeof errnos, run: () => void, look: (outcome: Outcome) => void): number {
  for (let n = 1; ; n++) {
    let error: BpfError | undefined
    const failed = failing(n, errnos[code], () => {
      try {
        run()
      } catch (caught) {
        error = caught as BpfError
      }
    })
    const call = `call ${n}: ${failed}`
    if (error) assert.is(error.code, code, `${call}\n${error.stack}`)
    if (error?.code === code) assert.ok(error.message.length > code.length, call)
    look({ n, call, error })
    if (failed === undefined) return n - 1
  }
}

// the compiler does not know it, but these are the keys
for (const code of Object.keys(errnos) as (keyof typeof errnos)[]) {
  const findings = {
    'finding an object again': () => spec().upgrade(),
    'opening an object from its pins': () => spec().loadPinned(),
    'opening a pinned object without its file': () => openPinned('links', { root }),
    'opening a pinned object for reading': () => openPinned('links', { root, readOnly: true }),
  }
  for (const [what, find] of Object.entries(findings)) {
    onKernel(`whichever call of ${what} fails with ${code}, nothing changes and nothing stays open`, () => {
      using object = spec().upgrade()
      find().close()
      const pinned = tree()
      const files = openFiles()
      const calls = eachFailing(
        code,
        () => find().close(),
        ({ call }) => {
          assert.equal(tree(), pinned, call)
          assert.is(openFiles(), files, call)
          const again = find()
          assert.is(idsOf(again), idsOf(object), call)
          again.close()
        },
      )
      assert.ok(calls > 15, `${calls} calls`)
      object.unpin()
      assert.equal(tree(), [])
    })
  }

  onKernel(`whichever call of an unpin fails with ${code}, the next one finishes it`, () => {
    const files = openFiles()
    for (let isDone = false, n = 1; !isDone; n++) {
      const object = spec().upgrade()
      const before = idsOf(object)
      let error: BpfError | undefined
      const failed = failing(n, errnos[code], () => {
        try {
          object.unpin()
        } catch (caught) {
          error = caught as BpfError
        }
      })
      const call = `call ${n}: ${failed}`
      if (error) assert.is(error.code, code, `${call}\n${error.stack}`)
      // all of it is seen, or none of it
      if (tree().includes('links')) {
        using seen = openPinned('links', { root })
        assert.is(idsOf(seen), before, call)
      }
      object.unpin()
      object.close()
      assert.equal(tree(), [], call)
      assert.is(openFiles(), files, call)
      isDone = failed === undefined
      if (isDone) assert.ok(n > 30, `${n} calls`)
    }
  })
}

for (const [code, errno] of Object.entries(errnos)) {
  onKernel(`whichever call of a pin with links fails with ${code}, all that was there is as it was`, () => {
    // has the map that the other one shares
    const owner = openObject(fixture('links'), { root, name: 'owner' })
    owner.maps.get('.rodata').pinPath = `${root}/constants/those`
    for (const program of owner.programs) program.autoattach = false
    using first = owner.upgrade()
    const before = tree()
    let n = 0
    for (let failed: string | undefined = ''; failed !== undefined; ) {
      using object = spec().load()
      object.attach()
      const files = openFiles()
      let error: BpfError | undefined
      failed = failing(++n, errno, () => {
        try {
          object.pin()
        } catch (caught) {
          error = caught as BpfError
        }
      })
      const call = `call ${n}: ${failed}`
      if (error) {
        assert.is(error.code, code, `${call}\n${error.stack}`)
        assert.equal(tree(), before, call)
      } else {
        assert.ok(object.isPinned, call)
        object.unpin()
      }
      assert.is(openFiles(), error ? files : files - 3, call)
      assert.equal(tree(), before, call)
      using still = owner.loadPinned()
      assert.is(idsOf(still), idsOf(first), call)
    }
    assert.ok(n > 40, `${n} calls`)
    first.unpin()
    assert.equal(tree(), [])
  })
}

/** As an unpin that was killed after its first step leaves it. */
function withdrawn(): BpfObject {
  const object = spec().upgrade()
  renameSync(`${root}/links`, `${root}/links~next`)
  return object
}

const recover = (): void => {
  using open = Root.open(root, 0o700)
  WriterLock.take(open, 'links', { mode: 0o700, waitMs: 0 }).release()
}

onKernel('what a stopped unpin left is detached and cleared away, whoever holds it', () => {
  using object = withdrawn()
  const link = object.links.get('on_cgroup')
  assert.ok(link.alive)
  recover()
  assert.equal(tree(), [])
  assert.not(link.alive)
})

onKernel('links that another generation may run are not detached with what was left', () => {
  using object = withdrawn()
  mkdirSync(`${root}/links`, 0o700)
  recover()
  assert.equal(tree(), ['links'])
  assert.ok(object.links.get('on_cgroup').alive)
  rmdirSync(`${root}/links`)
})

for (const [code, errno] of Object.entries(errnos)) {
  onKernel(`whichever call of clearing up fails with ${code}, the next one finishes it`, () => {
    let n = 0
    for (let failed: string | undefined = ''; failed !== undefined; ) {
      withdrawn().close()
      const files = openFiles()
      let error: BpfError | undefined
      failed = failing(++n, errno, () => {
        try {
          recover()
        } catch (caught) {
          error = caught as BpfError
        }
      })
      const call = `call ${n}: ${failed}`
      if (error) assert.is(error.code, code, `${call}\n${error.stack}`)
      assert.is(openFiles(), files, call)
      recover()
      assert.equal(tree(), [], call)
    }
    assert.ok(n > 30, `${n} calls`)
  })
}

test.after(removeCgroup)

test.run()
