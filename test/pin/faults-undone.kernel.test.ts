import { mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type BpfObject, openObject } from '../../src/index.ts'
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

const idsOf = ({ maps, programs }: BpfObject): string =>
  [...maps, ...programs].map(({ name, id }) => `${name} ${id}`).join()

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
      using object = scattered(root).load()
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
  const object = scattered(root).upgrade()
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
