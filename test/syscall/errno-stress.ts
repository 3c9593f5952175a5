// Makes calls that fail, each in its own way, while all goes on that could change errno before it is read: garbage is collected
// here and in other threads, signals come in, and those threads make calls that fail in other ways, by Node and by this library.
// `errno-stress.ts ROUNDS` writes how many calls there were, and what the wrong answers were.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { type BpfError, openMap } from '../../src/index.ts'
import { call3 } from '../../src/syscall/gate.ts'
import { mapCreate, objGet, openFile } from '../../src/syscall/index.ts'

/** The errnos that the manuals of these calls have: ENOENT, ENOTDIR, EBADF, EINVAL, EACCES of what is no pin. */
const calls: readonly (readonly [name: string, expected: number, call: () => number])[] = [
  ['openat of nothing', -2, () => openFile('/none/of/this', 0)],
  ['openat below a file', -20, () => openFile('/proc/self/stat/x', 0)],
  ['close of no descriptor', -9, () => call3('close', 0x7fff_ffff, 0, 0)],
  ['a map of no type', -22, () => mapCreate({ type: 9999, keySize: 4, valueSize: 4, maxEntries: 1 })],
  ['a directory as a pin', -13, () => objGet('/')],
]

/** Also one that does not fail, after which an old errno would be wrong. */
const succeeding = (): number => call3('membarrier', 0, 0, 0)

function failNext(round: number): string | undefined {
  const [name, expected, call] = calls[round % calls.length]!
  const result = call()
  if (result !== expected) return `${name}: ${result}`
  return round % 7 === 0 && succeeding() < 0 ? 'membarrier failed' : undefined
}

/** As users see it: the code of an error for which the library has looked for reasons meanwhile. */
function failAloud(): string | undefined {
  try {
    openMap('/none/of/this')
  } catch (error) {
    const { code } = error as BpfError // what it throws
    return code === 'ENOENT' ? undefined : `openMap: ${code}`
  }
  return 'openMap: nothing'
}

async function main(rounds: number): Promise<void> {
  process.on('SIGUSR2', () => {})
  const running = new Int32Array(new SharedArrayBuffer(4))
  const workers = [0, 1].map(() => new Worker(process.argv[1] ?? '', { workerData: running }))
  const ended = workers.map(worker => once(worker, 'exit'))
  const garbage: unknown[] = []
  const wrong: string[] = []
  let made = 0
  for (let round = 0; round < rounds; round++) {
    garbage[round % 1000] = { bytes: new Uint8Array(100), text: `${round}` }
    const found = round % 500 === 0 ? failAloud() : failNext(round)
    made++
    if (found !== undefined) wrong.push(found)
    if (round % 1000 === 0) {
      process.kill(process.pid, 'SIGUSR2')
      await nextTurn()
    }
  }
  Atomics.store(running, 0, 1)
  await Promise.all(ended)
  console.log(JSON.stringify({ made, wrong: [...new Set(wrong)] }))
}

/** Until it is told to end. */
function disturb(running: Int32Array): void {
  for (let round = 0; Atomics.load(running, 0) === 0; round++) {
    existsSync(`/none/${round}`)
    failNext(round)
    if (round % 100 === 0) process.kill(process.pid, 'SIGUSR2')
    Array.from({ length: 100 }, (_, i) => ({ i }))
  }
}

if (isMainThread) await main(Number(process.argv[2]))
else disturb(workerData as Int32Array)
