// The thread that run.ts has do its cases, so that one that never ends, or takes all memory, can be told.
import { parentPort, workerData } from 'node:worker_threads'
import { runCases, type Tally } from './cases.ts'
import { targets } from './targets/index.ts'
import { useDirectory } from './temporary.ts'

/** Some cases of one target. */
export interface Slice {
  readonly target: string
  readonly seed: number
  readonly cases: number
}

export type Report =
  | ({ readonly kind: 'tally' } & Tally)
  | {
      readonly kind: 'finding'
      /** With where it came from. */
      readonly what: string
      readonly seed: number
      readonly cases: number
      readonly madeOf: string
      readonly input: Uint8Array
    }

/** What the thread is given when it is made. */
export interface Surroundings {
  readonly shared: SharedArrayBuffer
  /** For what can be read from a file only. */
  readonly directory: string
}

const [countAt, lengthAt, stopAt] = [0, 1, 2]
const inputAt = 12

/** Three words, how many cases there were, how long the last input is and whether to stop, and that input as far as there is room. */
export const sharedBytes: number = inputAt + 2 ** 20

/** How many cases of its slice the thread has begun, while it is at one. */
export function casesBegun(shared: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(shared, 0, 3), countAt)
}

/** What a thread was at when it was lost. */
export function lastInputOf(shared: SharedArrayBuffer): Uint8Array {
  const length = Atomics.load(new Int32Array(shared, 0, 3), lengthAt)
  return new Uint8Array(shared, inputAt, Math.min(length, shared.byteLength - inputAt)).slice()
}

/** Has the thread report what it has done when it has done a case more. */
export function stopSlice(shared: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(shared, 0, 3), stopAt, 1)
}

parentPort?.on('message', ({ target: name, seed, cases }: Slice) => {
  // run.ts made it, and no one else starts this thread
  const { shared, directory } = workerData as Surroundings
  useDirectory(directory)
  const words = new Int32Array(shared, 0, 3)
  const place = new Uint8Array(shared, inputAt)
  const target = targets.find(one => one.name === name)!
  Atomics.store(words, countAt, 0)
  const found = runCases(target, seed, cases, input => {
    place.set(input.subarray(0, place.length))
    Atomics.store(words, lengthAt, input.length)
    Atomics.add(words, countAt, 1)
    return Atomics.load(words, stopAt) === 0
  })
  parentPort?.postMessage(reportOf(found))
})

function reportOf(found: ReturnType<typeof runCases>): Report {
  if (!('what' in found)) return { kind: 'tally', ...found }
  const { what, seed, cases, madeOf, input } = found
  const trace = what.cause instanceof Error ? `\n${what.cause.stack}` : ''
  return { kind: 'finding', what: `${what.message}${trace}`, seed, cases, madeOf, input }
}
