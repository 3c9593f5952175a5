// Paths that lead elsewhere between two looks at them, in the hands of who may and of who may not do that.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, lchownSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const way = `${root}/way`
const victim = `${root}/victim`
const nobody = 65534

const onKernel = needs(test, 'root')
const script = new URL('./swapper.ts', import.meta.url).pathname

/** What a directory holds, and when that changed last: of what came and went, too. */
const stateOf = (path: string): string => `${readdirSync(path)} ${statSync(path, { bigint: true }).mtimeNs}`

interface Asked {
  readonly how: 'exchange' | 'come and go'
  readonly uid: number
  /** Runs again and again meanwhile; the result is what came of it. */
  readonly attempt: () => string
}

/** How often which outcome there was of what was tried during 10,000 swaps. */
async function whileSwapping({ how, uid, attempt }: Asked): Promise<Record<string, number>> {
  const child = spawn(process.execPath, [...process.execArgv, script, how, root], {
    ...{ uid, gid: uid, stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } },
  })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    said += text
  })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  const outcomes: Record<string, number> = {}
  try {
    while (child.exitCode === null && child.signalCode === null) {
      const outcome = attempt()
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      await setImmediate()
    }
  } finally {
    child.kill()
    await ended
  }
  assert.is(said, 'begun\n10000\n')
  return outcomes
}

/** Two objects: below a root that is swapped, and with a map in a directory that is. */
function openBoth(): BpfObject[] {
  const below = openObject(fixture('functions'), { root: way })
  const beside = openObject(fixture('functions'), { root: `${root}/kept` })
  const [map] = beside.maps
  map!.pinPath = `${way}/there`
  return [below.load(), beside.load()]
}

/** Pins what was loaded, takes it away again, and says what came of it. */
function pinned(object: BpfObject, check: () => void): string {
  try {
    object.pin()
  } catch (error) {
    return failure(() => {
      throw error
    }).code
  }
  check()
  object.unpin()
  return 'pinned'
}

test.before(() => {
  // as bpffs makes its own root: everybody may write, nobody may touch what is another's
  for (const path of [`${root}/../..`, `${root}/..`]) chmodSync(path, 0o755)
  chmodSync(root, 0o1777)
})

test.before.each(() => {
  for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
  mkdirSync(victim, { mode: 0o755 })
})
test.after(() => {
  for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
})

onKernel('who swaps his directory with a symbolic link gets no pin into either', async () => {
  const objects = openBoth()
  mkdirSync(way)
  symlinkSync(victim, `${root}/spare`)
  for (const name of ['way', 'spare']) lchownSync(`${root}/${name}`, nobody, nobody)
  const before = [way, victim].map(stateOf)
  let turn = 0
  const outcomes = await whileSwapping({
    ...{ how: 'exchange', uid: nobody },
    attempt: () => pinned(objects[turn++ % 2]!, () => {}),
  })
  for (const object of objects) object.close()
  assert.equal(Object.keys(outcomes), ['ERR_FOREIGN'])
  // which of the two has the name now does not matter
  assert.equal([way, victim].map(stateOf), before)
  assert.equal(stateOf(`${root}/spare`), before[1])
})

onKernel('who makes a symbolic link come and go keeps pins away, and leads none elsewhere', async () => {
  const objects = openBoth()
  symlinkSync(victim, `${root}/spare`)
  lchownSync(`${root}/spare`, nobody, nobody)
  const before = stateOf(victim)
  let turn = 0
  const outcomes = await whileSwapping({
    ...{ how: 'come and go', uid: nobody },
    attempt: () =>
      pinned(objects[turn++ % 2]!, () => {
        // what was made in between is ours, and stays: the sticky root lets nobody else rename it
        assert.is(statSync(way).uid, 0)
      }),
  })
  for (const object of objects) object.close()
  assert.is(stateOf(victim), before)
  assert.ok((outcomes.pinned ?? 0) > 0 && (outcomes.ERR_FOREIGN ?? 0) > 0, JSON.stringify(outcomes))
  assert.equal(
    readdirSync(root).filter(name => name !== 'spare' && name !== 'way'),
    ['victim'],
  )
})

onKernel('an object is whole in one of two directories that root himself swaps, or in none', async () => {
  for (const path of [way, `${root}/spare`]) mkdirSync(path)
  const object = openObject(fixture('functions'), { root: way }).load()
  const before = stateOf(victim)
  const outcomes = await whileSwapping({
    ...{ how: 'exchange', uid: 0 },
    attempt: () => pinned(object, () => {}),
  })
  object.close()
  assert.is(stateOf(victim), before)
  assert.ok((outcomes.pinned ?? 0) > 0, JSON.stringify(outcomes))
  for (const path of [way, `${root}/spare`]) {
    // what was pinned in the one that has the other name by now was not found again
    const left = readdirSync(path)
    if (left.length > 0) assert.equal(left, ['functions'])
    if (left.length > 0)
      assert.equal(readdirSync(`${path}/functions`).sort(), ['maps', 'programs', '~object'])
  }
})

test.run()
