// A process whose workers are ended while they read the events of a pinned object: DIRECTORY TIMES. What a worker that was
// ended had open stays open until its process ends.
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { openPinned } from '../../src/index.ts'
import { request } from './events.ts'

const [directory = '', times] = process.argv.slice(2)
const object = openPinned(directory)
const program = object.programs.get('write_events')
for (let i = 0; i < Number(times); i++) {
  const worker = new Worker(new URL('event-worker.ts', import.meta.url), {
    workerData: directory,
    execArgv: process.execArgv,
  })
  await once(worker, 'message')
  // one that is busy, and one that waits
  if (i % 2 === 0) request(program, 10, 1000)
  let isEnded = false
  void worker.terminate().then(() => {
    isEnded = true
  })
  // it is woken again and again while it is taken down
  while (!isEnded) {
    request(program, 2000, 1)
    await nextTurn()
  }
}
