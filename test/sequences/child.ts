// A process that does a random sequence: `child.ts ROOT CGROUP SEED COUNT END COPY [INDEX,...]`. It writes each step before it is
// done to stdout. END: how it ends, `close`, `leave` or `exit`. COPY: another build of the library. As a worker it does a
// sequence, too.
import { once } from 'node:events'
import { readdirSync, readlinkSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import * as library from '../../src/index.ts'
import { fail, mustBeExpected, Sequence } from './steps.ts'

/** What is open, but for what Node itself opens when it first needs it and keeps. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return /^(?:pipe|socket):|^\/dev\/null$|^anon_inode:inotify$/.test(target) ? [] : [`${fd} -> ${target}`]
    } catch {
      // that of the directory which is being read
      return []
    }
  })
}

async function run(sequence: Sequence, indices: readonly number[]): Promise<void> {
  for (const index of indices) {
    if (isMainThread) writeSync(1, `${index}\n`)
    try {
      const outcome = await sequence.step(index)
      if (isMainThread) writeSync(1, `${index} ${outcome}\n`)
    } catch (error) {
      mustBeExpected(error)
      if (isMainThread)
        writeSync(
          1,
          `${index} ${(error as { code?: string }).code} ${(error as Error).message.split('\n')[0]}\n`,
        )
    }
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

async function main(): Promise<void> {
  const [root = '', cgroup = '', seed = '', count = '', end = '', copy = '', only] = process.argv.slice(2)
  // two copies of the library, as when two packages bring their own
  const libraries = [library, (await import(pathToFileURL(copy).href)) as typeof library]
  process.on('unhandledRejection', fail)
  process.on('uncaughtException', error => mustBeExpected(error))
  process.on('SIGUSR2', () => {})
  const before = new Set(openFiles())
  const sequence = new Sequence(
    libraries,
    { root, cgroup },
    { seed: Number(seed), script: process.argv[1], isWhole: end === 'close' },
  )
  const indices = only === undefined || only === '' ? upTo(Number(count)) : only.split(',').map(Number)
  await run(sequence, indices)
  writeSync(1, `end ${end}\n`)
  if (end === 'exit') process.exit(0)
  for (const worker of sequence.workers) if (end === 'leave') await worker.terminate()
  // who waits for events keeps the process alive until it is told not to
  for (const handle of sequence.handles) if ('unref' in handle) (handle as { unref(): void }).unref()
  for (const closer of sequence.closers)
    if ('unref' in closer) (closer as unknown as { unref(): void }).unref()
  if (end === 'close') {
    // what a thread has open that is ended by another stays open: these come to their end
    await Promise.all(sequence.workers.map(worker => worker.threadId < 0 || once(worker, 'exit')))
    for (const closer of sequence.closers) closer.close()
    // twice does nothing
    for (const closer of sequence.closers) closer.close()
    await sleep(20)
    const left = openFiles().filter(file => !before.has(file))
    if (left.length > 0) fail(new Error(`left open: ${left.join(', ')}`))
  }
}

if (isMainThread) await main()
else {
  const { seed, root, cgroup, steps } = workerData as {
    seed: number
    root: string
    cgroup: string
    steps: number
  }
  // the first call of all, which loads koffi
  try {
    library.openMap(`${root}/none`)
  } catch (error) {
    mustBeExpected(error)
  }
  parentPort?.postMessage('loaded')
  const sequence = new Sequence([library], { root, cgroup }, { seed, script: undefined, isWhole: true })
  await run(sequence, upTo(steps))
  for (const closer of sequence.closers) closer.close()
}
