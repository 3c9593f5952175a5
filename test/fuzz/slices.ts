// The thread that run.ts has do its cases, so that one that never ends, or takes all memory, can be told.
import { parentPort, workerData } from 'node:worker_threads'
import { runCases, type Tally } from './cases.ts'
import { targets } from './targets/index.ts'

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
      readonly madeOf: string
      readonly input: Uint8Array
    }

/** Two words, how many cases there were and how long the last input is, and that input as far as there is room. */
export const sharedBytes: number = 8 + 2 ** 20

/** What a thread was at when it was lost. */
export function lastInputOf(shared: SharedArrayBuffer): Uint8Array {
  const length = new Int32Array(shared, 0, 2)[1]!
  return new Uint8Array(shared, 8, Math.min(length, shared.byteLength - 8)).slice()
}

parentPort?.on('message', ({ target: name, seed, cases }: Slice) => {
  // run.ts made it, and no one else starts this thread
  const shared = workerData as SharedArrayBuffer
  const words = new Int32Array(shared, 0, 2)
  const place = new Uint8Array(shared, 8)
  const target = targets.find(one => one.name === name)!
  const found = runCases(target, seed, cases, input => {
    place.set(input.subarray(0, place.length))
    Atomics.store(words, 1, input.length)
    Atomics.add(words, 0, 1)
  })
  parentPort?.postMessage(reportOf(found))
})

function reportOf(found: ReturnType<typeof runCases>): Report {
  if (!('what' in found)) return { kind: 'tally', ...found }
  const { what, seed, madeOf, input } = found
  const trace = what.cause instanceof Error ? `\n${what.cause.stack}` : ''
  return { kind: 'finding', what: `${what.message}${trace}`, seed, madeOf, input }
}
