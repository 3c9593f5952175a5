// What becomes of an object that follows when a call fails while it moves to a new generation, as it does in the event loop, where
// nobody catches what is thrown. Two versions take turns under one name by renames, as upgrades would make all calls as well.
import { existsSync, mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type ObjectSpec, openObject, openPinned, type PinnedObject } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { errnosOf, numbers } from '../errnos.ts'
import { fixture } from '../fixtures.ts'
import { openFiles } from '../pin/kernel-state.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root', 'linux 6.1')
const root = process.env.BPFPIN_TEST_ROOT ?? ''
const patienceMs = 5000
/** `BPFPIN_LONG=1`: each call in each of the ways in which it can fail. */
const isLong = process.env.BPFPIN_LONG === '1'

/** Versions 1 and 3 of the fixture: some of their maps have another layout. */
const versions = [1, 3] as const
type Version = (typeof versions)[number]
const otherThan = (version: Version): Version => (version === 1 ? 3 : 1)
const aside = (version: Version): string => `${root}/${version}`

function soak(version: Version, place: string): ObjectSpec {
  const spec = openObject(fixture(`soak-${version}`), { root: place, name: 'soak' })
  for (const program of spec.programs) program.autoattach = false
  return spec
}

/** One name, and two that take it in turn. */
class Turns {
  now: Version = 1

  constructor() {
    for (const version of versions) {
      mkdirSync(aside(version))
      using object = soak(version, aside(version)).upgrade()
      object.maps.get('truth').set(version, BigInt(version))
    }
    renameSync(`${aside(this.now)}/soak`, `${root}/soak`)
  }

  /** The other one takes the name. */
  next(): void {
    renameSync(`${root}/soak`, `${aside(this.now)}/soak`)
    this.now = otherThan(this.now)
    renameSync(`${aside(this.now)}/soak`, `${root}/soak`)
  }

  [Symbol.dispose](): void {
    const other = otherThan(this.now)
    for (const spec of [soak(this.now, root), soak(other, aside(other))]) {
      using object = spec.loadPinned()
      object.unpin()
    }
    for (const version of versions) if (existsSync(aside(version))) rmdirSync(aside(version))
  }
}

/** All that it holds is of that version: what lies in its maps, and how it lies. */
function mustBeOf(object: PinnedObject, version: Version, text: string): void {
  assert.equal([...object.maps.get('truth').keys()], [version], text)
  assert.is(object.maps.get('counts').valueSize, version === 3 ? 24 : 16, text)
  assert.is(object.variables.has('added_before'), version === 3, text)
  assert.is(object.variables.get('reads_in_all').get(), 0n, text)
}

interface Told {
  generations: number
  readonly errors: BpfError[]
}

function listen(object: PinnedObject): Told {
  const told: Told = { generations: 0, errors: [] }
  object.on('generation', () => void told.generations++)
  object.on('error', error => told.errors.push(error as BpfError)) // looked at below
  return told
}

/** From now on the n-th call fails, in one of the ways in which it can. */
class FailingCall {
  /** What was made to fail. */
  text = 'without a fault'
  isReached = false
  /** Are there more ways? */
  hasMore = false

  constructor(n: number, way: number) {
    let seen = 0
    interceptSyscalls(({ name, path, make }) => {
      if (++seen !== n) return undefined
      const errnos = errnosOf(name)
      const errno = errnos[way % errnos.length]!
      this.isReached = true
      this.hasMore = way + 1 < errnos.length
      this.text = `${errno} of ${name} ${path ?? ''}, the ${n}. call`
      // what gives something back does so whatever it says
      if (name === 'close' || name === 'munmap') make()
      return -numbers[errno]
    })
  }

  [Symbol.dispose](): void {
    interceptSyscalls(undefined)
  }
}

async function until(isSo: () => boolean, ms = patienceMs): Promise<void> {
  const end = performance.now() + ms
  while (!isSo() && performance.now() < end) await sleep(1)
}

/** Moves once, with a call that fails meanwhile. */
async function moveWith(turns: Turns, n: number, way: number): Promise<FailingCall> {
  const before = openFiles()
  const object = openPinned('soak', { root, follow: true })
  const told = listen(object)
  const events = object.maps.get('reads').events()[Symbol.asyncIterator]()
  const settled = events.next().then(
    () => undefined,
    (error: unknown) => error as BpfError, // looked at below
  )
  await sleep(0)
  turns.next()
  const failing = new FailingCall(n, way)
  await until(() => told.generations + told.errors.length > 0)
  // what else is to come
  await sleep(2)
  failing[Symbol.dispose]()
  const { text, isReached } = failing
  for (const error of told.errors) mustBeProper(error, text)
  if (!isReached) assert.equal(told, { generations: 1, errors: [] })
  // the next look finishes
  object.refresh()
  mustBeOf(object, turns.now, text)
  object.close()
  const ended = await settled
  if (ended) mustBeProper(ended, text)
  await sleep(0)
  assert.equal(openFiles(), before, text)
  return failing
}

function mustBeProper(error: BpfError, text: string): void {
  const said = `${text}: ${error.stack}`
  assert.match(error.name, /^(Bpf|Btf|PinMismatch)Error$/, said)
  assert.ok(error.hint, said)
}

onKernel(
  'whichever call fails while an object follows: an error that says so, and the next look moves it',
  async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    using turns = new Turns()
    // the event loop opens its own inotify descriptor with the first watch, and keeps it
    openPinned('soak', { root, follow: true }).close()
    let [calls, runs] = [0, 0]
    for (let n = 1, isOver = false; !isOver; n++) {
      for (let way = isLong ? 0 : n, hasMore = true; hasMore; way++) {
        const { isReached, hasMore: more } = await moveWith(turns, n, way)
        isOver = !isReached
        hasMore = isLong && more
        if (isReached) runs++
      }
      calls = n - 1
    }
    process.off('unhandledRejection', note)
    assert.equal(unhandled, [])
    console.log(`| follow: ${calls} calls, which failed ${runs} times, one at a time`)
    assert.ok(calls > 20, `${calls} calls`)
  },
)

/** What would end the process, where nobody caught it. */
async function uncaughtWhile(run: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  process.setUncaughtExceptionCaptureCallback(error => uncaught.push(error))
  await run()
  process.setUncaughtExceptionCaptureCallback(null)
  return uncaught
}

onKernel(
  'what a listener throws is thrown as by any emitter, is no error of the object, and ends nothing',
  async () => {
    using turns = new Turns()
    using object = openPinned('soak', { root, follow: true })
    const told = listen(object)
    const thrown = new Error('by a listener')
    object.on('generation', () => {
      throw thrown
    })
    const uncaught = await uncaughtWhile(async () => {
      for (let count = 1; count <= 3; count++) {
        turns.next()
        await until(() => told.generations === count)
        mustBeOf(object, turns.now, `${count}`)
      }
    })
    assert.equal([uncaught, told], [[thrown, thrown, thrown], { generations: 3, errors: [] }])
  },
)

onKernel('an error that nobody listens to is thrown as by any emitter', async () => {
  using turns = new Turns()
  using object = openPinned('soak', { root, follow: true })
  await sleep(0)
  const uncaught = await uncaughtWhile(async () => {
    turns.next()
    using _ = new FailingCall(1, 0)
    await until(() => false, 20)
  })
  for (const error of uncaught) mustBeProper(error as BpfError, 'nobody listens')
  assert.ok(uncaught.length > 0)
  object.refresh()
  mustBeOf(object, turns.now, 'after it')
})

test.run()
