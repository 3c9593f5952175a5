import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lockFile, lockFlag } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson, commandLine } from './bpfpin.ts'
import { type Listing, names, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')

test.after.each(unpinAll)

onKernel('the programs are detached, the root is empty, and a second unpin has nothing to do', () => {
  pinFixture('counter')
  const [object] = bpfpinJson<Listing>('ls', '--root', root).objects
  const attached = (): number[] => bpftool<{ id: number }[]>('link', 'list').map(({ id }) => id)
  const ids = object!.links.map(({ id }) => id)
  assert.ok(ids.length === 2 && ids.every(id => attached().includes(id)))

  assert.equal(bpfpinJson('unpin', 'counter', '--root', root), {
    name: 'counter',
    path: `${root}/counter`,
    removed: 10,
    left: [],
    stillAttached: [],
  })
  assert.equal(names(), [])
  assert.ok(!ids.some(id => attached().includes(id)))

  const again = bpfpin('unpin', 'counter', '--root', root)
  assert.is(again.code, 1)
  assert.equal(again.stderr.split('\n'), [
    "bpfpin: cannot unpin 'counter'",
    `  nothing is pinned at ${root}/counter`,
    `  bpfpin ls --root ${root} shows what is pinned there`,
    '',
  ])
})

onKernel('an object is unpinned by the path of its directory, too', () => {
  pinFixture('functions', 'my.service')
  const { code, stdout } = bpfpin('unpin', `${root}/my:service/`)
  assert.equal(
    { code, stdout },
    { code: 0, stdout: `unpinned my.service at ${root}/my:service: 4 pins removed\n` },
  )
  assert.equal(names(), [])
})

onKernel('what a stranger put into the directory is left, and said', () => {
  pinFixture('functions')
  const { id } = bpftool('map', 'show', 'pinned', `${root}/functions/maps/numbers`)
  bpftool('map', 'pin', 'id', String(id), `${root}/functions/maps/foreign`)
  const { code, stderr } = bpfpin('unpin', 'functions', '--root', root)
  assert.is(code, 0)
  assert.match(stderr, `note: left ${root}/functions/maps`)
  assert.ok(names().includes('functions/maps/foreign'))
  unlinkSync(`${root}/functions/maps/foreign`)
  for (const directory of ['functions/maps', 'functions']) rmdirSync(`${root}/${directory}`)
})

onKernel('an object that another process is changing is waited for as long as one says', async () => {
  pinFixture('functions')
  mkdirSync(`${root}/functions~next`, 0o700)
  const held = openSync(`${root}/functions~next`, 'r')
  lockFile(held, lockFlag.EXCLUSIVE)
  const before = names()
  const { code, stderr } = bpfpin('unpin', 'functions', '--root', root, '--wait', '0.2')
  assert.is(code, 1)
  assert.match(
    stderr,
    `another process is changing object 'functions' at ${root}/functions (waited 0.2 s)\n  find it: fuser -v ${root}`,
  )
  assert.equal(names(), before)

  const [command = '', ...args] = commandLine('unpin', 'functions', '--root', root, '--wait', '60')
  const waiting = spawn(command, args, { stdio: 'ignore' })
  setTimeout(() => closeSync(held), 500)
  assert.equal(await once(waiting, 'exit'), [0, null])
  assert.equal(names(), [])
})

test("'unpin --wait soon' is wrong usage", () => {
  const { code, stderr } = bpfpin('unpin', 'functions', '--wait', 'soon')
  assert.is(code, 2)
  assert.match(stderr, "unpin: option '--wait' takes a number of seconds, as in 2.5, not 'soon'")
})

test.run()
