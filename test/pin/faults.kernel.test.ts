import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type ObjectSpec, openPinned } from '../../src/index.ts'
import { errnos, failing } from '../faults.ts'
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

test.after(removeCgroup)

test.run()
