// Directories that are made above an object, to be pinned in.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { repeated } from '../effort.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const deep = `${root}/new/deep`
const onKernel = needs(test, 'root')

const install = (name: string, at: string = deep): void =>
  openObject(fixture('functions'), { root: at, name }).upgrade().close()

/** As another process would, later. */
function unpin(name: string, at: string = deep): void {
  using object = openObject(fixture('functions'), { root: at, name }).loadPinned()
  assert.equal(object.unpin().left, [])
}

onKernel('directories that were made for the root go with the object', () => {
  install('first')
  assert.ok(existsSync(`${deep}/first/~object`))
  unpin('first')
  assert.equal(readdirSync(root), [])
})

onKernel('they go with the last of several objects, whichever that is', () => {
  for (const order of [
    ['first', 'second'],
    ['second', 'first'],
  ]) {
    install('first')
    install('second')
    const [one = '', other = ''] = order
    unpin(one)
    assert.equal(readdirSync(deep), [other])
    unpin(other)
    assert.equal(readdirSync(root), [])
  }
})

onKernel('a directory that was there before stays, and one that somebody else is in', () => {
  mkdirSync(`${root}/new`)
  install('first')
  unpin('first')
  assert.equal(readdirSync(root), ['new'])
  install('first')
  mkdirSync(`${deep}/other`)
  unpin('first')
  assert.equal(readdirSync(deep), ['other'])
  for (const path of [`${deep}/other`, deep, `${root}/new`]) rmdirSync(path)
})

onKernel('they go with an object that was upgraded since', () => {
  install('first')
  openObject(fixture('dead-branch'), { root: deep, name: 'first' }).upgrade({ onMismatch: 'replace' }).close()
  using object = openObject(fixture('dead-branch'), { root: deep, name: 'first' }).loadPinned()
  object.unpin()
  assert.equal(readdirSync(root), [])
})

onKernel(
  'processes that pin and unpin different objects below one such root do not trip over each other',
  async () => {
    const times = repeated(60)
    const script = new URL('./deep-churn.ts', import.meta.url).pathname
    const churn = async (name: string): Promise<Record<string, number>> => {
      const args = [...process.execArgv, script, fixture('dead-branch'), deep, name, String(times)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      return JSON.parse(await text(child.stdout))
    }
    const counts = await Promise.all(['one', 'two', 'three'].map(churn))
    assert.equal(counts, Array(3).fill({ unpinned: times }))
    // who pinned while the one that made the root had no manifest yet does not know of it, and leaves it empty
    assert.not(existsSync(`${deep}/one`) || existsSync(`${deep}/two`) || existsSync(`${deep}/three`))
    for (const path of [deep, `${root}/new`]) if (existsSync(path)) rmdirSync(path)
  },
)

test.run()
