import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { loadEvents } from './events.ts'
import { type WaitingFault, waitingFaults } from './waiting-faults.ts'

const onKernel = needs(test, 'root', 'linux 6.1')
const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** An error that says so through the promise, or it goes on; never does it wait for what cannot come. */
function mustBeProper(found: readonly WaitingFault[], where: string): void {
  const calls = new Set<string>()
  for (const { what, error, events, left } of found) {
    calls.add(what.replace(/.* of /, ''))
    const text = `${what} ${where}: ${JSON.stringify(error)}`
    assert.equal(left, [], text)
    if (!error) assert.is(events, 2, text)
    else {
      assert.is(error.name, 'BpfError', text)
      assert.is(error.code, what.replace(/ of .*/, ''), text)
      assert.ok(error.hint, text)
    }
  }
  console.log(`\n| waiting ${where}: ${found.length} failures of ${[...calls].join(', ')}`)
}

onKernel(
  'whichever call fails of a reader that waits, its promise says so, and nothing stays open',
  async () => {
    using object = loadEvents()
    const found = await waitingFaults(object)
    mustBeProper(found, 'in the main thread')
    assert.ok(found.some(({ what }) => what === 'EMFILE of epoll_create1'))
  },
)

onKernel('so it is in a worker, which waits otherwise', async () => {
  using object = openObject(fixture('events'), { root }).upgrade()
  const worker = new Worker(new URL('./waiting-faults.ts', import.meta.url), {
    workerData: object.pinPath,
    execArgv: process.execArgv,
  })
  // Node may tell both in one turn (lib/internal/worker.js: what is left is handed over at the exit)
  const [message] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
  const [found] = message as [WaitingFault[]]
  mustBeProper(found, 'in a worker')
  for (const call of ['io_setup', 'eventfd2', 'pipe2', 'dup3', 'io_submit'])
    assert.ok(
      found.some(({ what }) => what.endsWith(call)),
      call,
    )
  object.unpin()
})

test.run()
