// Has each call fail that a reader makes to begin to wait, and to go on waiting. Of the thread that it is called in: a worker
// waits by other calls than the main thread does. As a script it is such a worker, and says what came of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { type BpfError, type BpfMap, type BpfObject, type EventReader, openPinned } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { errnosOf, numbers } from '../errnos.ts'
import { openFiles } from '../pin/kernel-state.ts'
import { request } from './events.ts'

/** What a call came to that failed. */
export interface WaitingFault {
  /** `'EMFILE of epoll_create1'` */
  readonly what: string
  /** What the promise was rejected with; nothing where the reader went on. */
  readonly error: Pick<BpfError, 'name' | 'code' | 'hint'> | undefined
  /** What it got, where it went on. */
  readonly events: number
  /** Open afterwards, and not before. */
  readonly left: readonly string[]
}

type Way = (reader: EventReader<Uint8Array>, got: () => void) => Promise<unknown>

const ways: readonly Way[] = [
  (reader, got) => reader.each(got),
  async (reader, got) => {
    for await (const _ of reader) got()
  },
]

const patienceMs = 2000

/** Each call of each way, with each errno that it can give. */
export async function waitingFaults(object: BpfObject): Promise<WaitingFault[]> {
  const found: WaitingFault[] = []
  const map: BpfMap = object.maps.get('events')
  const write = (): void => request(object.programs.get('write_events'), 1, 1)
  // what Node opens with the first stream of a thread, and keeps
  await waitWith(map, ways[0]!, write, { n: Number.POSITIVE_INFINITY, errno: 0 })
  for (const way of ways) {
    for (let n = 1, isOver = false; !isOver; n++) {
      for (let errno = 0, hasMore = true; hasMore; errno++) {
        const fault = await waitWith(map, way, write, { n, errno })
        isOver = fault === undefined
        hasMore = fault?.hasMore ?? false
        if (fault) found.push(fault)
      }
    }
  }
  return found
}

async function waitWith(
  map: BpfMap,
  way: Way,
  write: () => void,
  which: { readonly n: number; readonly errno: number },
): Promise<(WaitingFault & { readonly hasMore: boolean }) | undefined> {
  const before = new Set(openFiles())
  let [what, hasMore, events]: [string | undefined, boolean, number] = [undefined, false, 0]
  let error: BpfError | undefined
  const reader = map.events()
  let seen = 0
  interceptSyscalls(({ name, make }) => {
    if (/bpf|munmap|mmap/.test(name) || ++seen !== which.n) return undefined
    const errnos = errnosOf(name)
    const errno = errnos[which.errno]!
    ;[what, hasMore] = [`${errno} of ${name}`, which.errno + 1 < errnos.length]
    if (/close|destroy/.test(name)) make()
    return -numbers[errno]
  })
  const ended = way(reader, () => events++).catch((caught: unknown) => {
    error = caught as BpfError // looked at by who reads this
  })
  // two times, as it waits again after the first
  for (let wanted = 1; wanted <= 2 && !error; wanted++) {
    await sleep(1)
    if (!reader.closed) write()
    const end = performance.now() + patienceMs
    while (events < wanted && !reader.closed && performance.now() < end) await sleep(1)
  }
  reader.close()
  await ended
  interceptSyscalls(undefined)
  await sleep(1)
  const left = openFiles().filter(file => !before.has(file))
  if (what === undefined) return undefined
  const said = error && { name: error.name, code: error.code, ...(error.hint ? { hint: error.hint } : {}) }
  return { what, hasMore, events, error: said, left }
}

if (!isMainThread) {
  const object = openPinned(workerData as string) as unknown as BpfObject
  waitingFaults(object).then(
    found => {
      object.close()
      parentPort?.postMessage(found)
    },
    error => {
      throw error
    },
  )
}
