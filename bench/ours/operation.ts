/** What one measurement works on. */
export interface Given {
  readonly n: number
  /** An object, or another file. */
  readonly file: string
  /** Where it may pin. */
  readonly root: string
}

/** Nanoseconds, and what the work came to, which is the same for all who do it. */
export type Outcome = readonly [taken: bigint, found?: string | number]

export type Operation = (given: Given) => Outcome | Promise<Outcome>

export function timed<T>(work: () => T): [bigint, T] {
  const start = process.hrtime.bigint()
  const result = work()
  return [process.hrtime.bigint() - start, result]
}
