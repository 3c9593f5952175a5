// What calls are given: mostly what fits somewhere, sometimes what fits nowhere.
import type { Random } from '../random.ts'

/** An error of the caller's own, thrown in callbacks: the library must let it through. */
export class OwnError extends Error {}

/** What arguments are made from. */
export interface Pool {
  readonly random: Random
  /** Handles of all kinds, open and closed. */
  readonly handles: readonly object[]
  /** What was read. */
  readonly values: readonly unknown[]
  /** Names of maps, programs, variables, types. */
  readonly names: readonly string[]
  readonly sizes: readonly number[]
  /** Calls something, from inside a callback of a call. */
  readonly disturb: () => void
}

type Maker = (pool: Pool) => unknown

const numbers: Maker = ({ random }) =>
  random.of([
    0,
    1,
    2,
    3,
    5,
    8,
    63,
    64,
    255,
    256,
    4096,
    65_536,
    -1,
    1.5,
    Number.NaN,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    -0,
    Infinity,
  ])

const bigints: Maker = ({ random }) =>
  random.of([0n, 1n, 5n, -1n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n)])

const names: Maker = ({ random, names }) =>
  random.below(10) === 0
    ? random.of(['', '\0', '../..', 'a'.repeat(300), '__proto__', 'constructor', 'then'])
    : random.of(names)

const bytes: Maker = ({ random, sizes }) => {
  const made = new Uint8Array(random.of(sizes))
  for (let i = 0; i < made.length; i += 8) made[i] = random.below(4)
  return made
}

const handles: Maker = ({ random, handles }) => random.of(handles)
const values: Maker = pool => (pool.values.length === 0 ? numbers(pool) : pool.random.of(pool.values))

const callbacks: Maker = ({ random, disturb }) =>
  random.of([
    () => undefined,
    () => {
      throw new OwnError('thrown by a callback')
    },
    () => {
      disturb()
      return 'event'
    },
  ])

/** With getters that use the library, which the types allow. */
const objects: Maker = pool => {
  const made = { packets: values(pool), number: bigints(pool), prefixlen: numbers(pool) }
  if (pool.random.below(2) === 0) return made
  return {
    ...made,
    get bytes() {
      pool.disturb()
      return 1n
    },
  }
}

function* pairs(pool: Pool): Generator<unknown> {
  for (let i = 0; i < pool.random.below(6); i++) {
    if (pool.random.below(4) === 0) pool.disturb()
    yield pool.random.below(8) === 0 ? values(pool) : [any(pool), any(pool)]
  }
}

/** What no type allows where an object belongs. */
const misplaced: Maker = ({ random }) =>
  random.of([
    null,
    undefined,
    'text',
    '',
    0,
    7n,
    true,
    [],
    ['waitMs'],
    Symbol.iterator,
    () => undefined,
    new Map(),
  ])

/** Mostly an object, mostly with what belongs into it. */
export const options: Maker = pool => {
  const { random } = pool
  if (random.below(8) === 0) return misplaced(pool)
  const given: Record<string, unknown> = {}
  for (const name of Object.keys(optionMakers))
    if (random.below(6) === 0)
      given[name] = random.below(8) === 0 ? misplaced(pool) : optionMakers[name]!(pool)
  return given
}

/** Every option of every call: those that a call does not know it leaves alone. */
const optionMakers: Readonly<Record<string, Maker>> = {
  lock: ({ random }) => random.below(2) === 0,
  evict: ({ random }) => random.below(2) === 0,
  mode: ({ random }) => random.of(['any', 'exist', 'noexist', 0o755, 'other']),
  type: pool => (pool.random.below(3) === 0 ? callbacks(pool) : names(pool)),
  bytesPerCpu: ({ random }) => random.of([0, 4096, 5000, 65_536, -1, 2 ** 40]),
  signal: ({ random }) =>
    random.below(2) === 0 ? AbortSignal.abort(new OwnError('aborted')) : new AbortController().signal,
  label: names,
  data: bytes,
  context: bytes,
  repeat: ({ random }) => random.of([0, 1, 100, -1]),
  cpu: ({ random }) => random.of([0, 1, 4096]),
  roomForData: ({ random }) => random.of([0, 14, 2000, -5]),
  waitMs: ({ random }) => random.of([0, 1, 20, -1]),
  keepPrevious: ({ random }) => random.below(2) === 0,
  allowGap: ({ random }) => random.below(2) === 0,
  onMismatch: ({ random }) => random.of(['refuse', 'convert', 'convert-lossy', 'replace', 'other']),
  onProgress: callbacks,
  readOnly: ({ random }) => random.below(2) === 0,
  follow: ({ random }) => random.below(2) === 0,
  maps: pool => ({ [names(pool) as string]: pool.random.of(['convert', 'replace', 'other', null, 7]) }),
  convert: pool => ({
    [names(pool) as string]: pool.random.below(2) === 0 ? callbacks(pool) : misplaced(pool),
  }),
  merge: pool => ({
    [names(pool) as string]: pool.random.of(['sum', {}, { packets: 'sum' }, { packets: 7 }, null, []]),
  }),
}

/** An argument that may fit. */
export function any(pool: Pool): unknown {
  const { random } = pool
  const kind = random.below(100)
  if (kind < 22) return numbers(pool)
  if (kind < 30) return bigints(pool)
  if (kind < 42) return names(pool)
  if (kind < 54) return bytes(pool)
  if (kind < 64) return values(pool)
  if (kind < 72) return handles(pool)
  if (kind < 80) return callbacks(pool)
  if (kind < 90) return options(pool)
  if (kind < 94) return objects(pool)
  if (kind < 97) return [...pairs(pool)]
  if (kind < 99) return pairs(pool)
  return random.of([undefined, true, Symbol.iterator, new Date(0), new Map(), /x/])
}

/** Of the kinds that are given first: a key, a name, options, a callback. */
export function list(pool: Pool): unknown[] {
  return Array.from({ length: pool.random.of([0, 0, 1, 1, 1, 2, 2, 3]) }, () => any(pool))
}
