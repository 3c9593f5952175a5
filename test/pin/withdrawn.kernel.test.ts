import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfObject } from '../../src/index.ts'
import { WriterLock } from '../../src/pin/lock.ts'
import { Root } from '../../src/pin/root.ts'
import { needs } from '../requirements.ts'
import { namesBelow } from './kernel-state.ts'
import { removeCgroup, scattered } from './scattered.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

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
  assert.equal(namesBelow(root), [])
  assert.not(link.alive)
})

onKernel('links that another generation may run are not detached with what was left', () => {
  using object = withdrawn()
  mkdirSync(`${root}/links`, 0o700)
  recover()
  assert.equal(namesBelow(root), ['links'])
  assert.ok(object.links.get('on_cgroup').alive)
  rmdirSync(`${root}/links`)
})

test.after(removeCgroup)

test.run()
