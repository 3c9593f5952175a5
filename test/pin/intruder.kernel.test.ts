import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const nobody = 65534

const script = new URL('./intruder.ts', import.meta.url).pathname
const functions = () => openObject(fixture('functions'), { root })

/** Runs something while an unprivileged user is at work below the root. */
async function during(what: string, run: () => void): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, script, what, root], {
    uid: nobody,
    gid: nobody,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  assert.is(Number(line), nobody)
  try {
    run()
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}

test.before(() => {
  // as bpffs makes its own root: everybody may write, nobody may touch what is another's
  for (const path of [`${root}/../..`, `${root}/..`]) chmodSync(path, 0o755)
  chmodSync(root, 0o1777)
})

const onKernel = needs(test, 'root')

onKernel('who holds a lock on the root keeps nobody waiting', async () => {
  await during('lock the root', () => {
    using object = functions().upgrade({ waitMs: 0 })
    object.unpin({ waitMs: 0 })
  })
})

onKernel('who may use what is pinned cannot lock it, and keeps nobody waiting', async () => {
  const umask = process.umask(0)
  using object = functions().upgrade({ mode: 0o755 })
  process.umask(umask)
  await during('lock the object', () => object.unpin({ waitMs: 0 }))
  assert.equal(readdirSync(root), [])
})

for (const what of ['take the staging directory', 'lead the staging directory elsewhere']) {
  onKernel(`who comes to ${what} of a pinned object keeps nobody from finding it`, async () => {
    using object = functions().upgrade()
    await during(what, () => {
      using again = functions().upgrade({ waitMs: 0 })
      assert.equal(
        [...again.programs].map(({ id }) => id),
        [...object.programs].map(({ id }) => id),
      )
    })
    rmSync(`${root}/functions~next`, { recursive: true })
    object.unpin()
  })
}

for (const what of [
  'take the staging directory',
  'take the name',
  'lead the staging directory elsewhere',
  'lead the name elsewhere',
]) {
  onKernel(`who comes first to ${what} is named at once, and nothing is done there`, async () => {
    await during(what, () => {
      const [name = ''] = readdirSync(root)
      const { ino, uid } = lstatSync(`${root}/${name}`)
      assert.is(uid, nobody)
      const before = readdirSync(`${root}/..`)
      const error = failure(() => functions().upgrade({ waitMs: 60_000 }))
      assert.is(error.path, `${root}/${name}`)
      assert.is(error.code, what.startsWith('lead') ? 'ERR_PIN_KIND' : 'ERR_FOREIGN')
      assert.is(/is a symbolic link/.test(error.message), what.startsWith('lead'))
      assert.is(lstatSync(`${root}/${name}`).ino, ino)
      assert.equal(readdirSync(`${root}/..`), before)
    })
    for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
    using object = functions().upgrade()
    object.unpin()
  })
}

test.run()
