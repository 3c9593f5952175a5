import fc from 'fast-check'
import { Breach, examine, type Outcome, type Target } from './contract.ts'
import { damaged, type Edit, edits, type Sound } from './damage.ts'

/** One input of a target: what it is made of, and what is done to that. */
interface Case {
  readonly sound: Sound
  readonly changes: readonly Edit[]
  /** Instead of both. */
  readonly hostile: Uint8Array | undefined
}

/** What some cases came to. */
export interface Tally {
  readonly cases: number
  /** Cases in which the whole was refused, and not only an answer. */
  readonly refused: number
  readonly slowest: number
  /** Bytes, of the case that took most. */
  readonly most: number
}

/** A case that breaks the contract, as small as it could be made. */
export interface Finding {
  readonly target: string
  readonly what: Breach
  /** Runs it again, with the target: `--only elf --seed 7 --cases 1000`. */
  readonly seed: number
  readonly input: Uint8Array
  readonly madeOf: string
}

/**
 * Examines so many cases, which are the same for a seed. In one of 16 nothing is damaged: then it must not be refused.
 *
 * @param seen is told of each input, for who collects them
 */
export function runCases(
  target: Target,
  seed: number,
  cases: number,
  seen?: (input: Uint8Array) => void,
): Tally | Finding {
  let [refused, slowest, most] = [0, 0, 0]
  const property = fc.property(casesOf(target), one => {
    const { sound, changes } = one
    const input = inputOf(one)
    seen?.(input)
    const outcome: Outcome = examine(target, input, changes[0]![3])
    if (input === sound.bytes && outcome.isRefused) throw new Breach(`${sound.name} is right and was refused`)
    if (outcome.isRefused) refused++
    slowest = Math.max(slowest, outcome.ms)
    most = Math.max(most, outcome.taken)
  })
  const details = withoutTraces(() => fc.check(property, { seed, numRuns: cases }))
  if (!details.failed) return { cases, refused, slowest, most }
  const error = details.errorInstance
  const smallest = details.counterexample?.[0]
  if (!smallest) throw error
  const input = inputOf(smallest)
  const what = breachOf(() => examine(target, input, smallest.changes[0]![3])) ?? error
  return {
    target: target.name,
    what: what instanceof Breach ? what : new Breach(String(what), { cause: what }),
    seed,
    input,
    madeOf: smallest.hostile ? 'hostile' : smallest.sound.name,
  }
}

/** Where an error came from is a third of what it costs, and thousands are thrown. */
function withoutTraces<T>(run: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The same once more, for where it came from. */
function breachOf(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

/** Where there are hostile inputs, half of the cases are such. */
function casesOf({ sounds, hostile }: Target): fc.Arbitrary<Case> {
  return fc.record({
    sound: sounds,
    changes: edits,
    hostile: hostile ? fc.option(hostile, { freq: 2, nil: undefined }) : fc.constant(undefined),
  })
}

function inputOf({ sound, changes, hostile }: Case): Uint8Array {
  if (hostile) return hostile
  return changes[0]![0] % 16 === 15 ? sound.bytes : damaged(sound, changes)
}
