/** What a soak tells its workers: stand still and answer, go on, come to an end. */
export type Request = 'pause' | 'go' | 'end'

/** What a worker says of itself since its last answer, `made` and `operations` since it began. */
export interface Answer {
  readonly pid: number
  /** Events. */
  readonly made: number
  readonly operations: number
  /** Bytes. */
  readonly rss: number
  /** Bytes of it that JavaScript uses. */
  readonly heap: number
  /** Open files. */
  readonly descriptors: number
  /** How often each operation came to what. */
  readonly tally: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  /** Maps and programs that were made, by the kernel's numbers: `map 7`, `prog 9`. */
  readonly ids: readonly string[]
}
