import fc from 'fast-check'
import { Breach, examine, memoryFor, type Outcome, type Target } from './contract.ts'
import { damaged, type Edit, type Sound, someEdits } from './damage.ts'
import { forgetPeak, peakMemory } from './peak.ts'
import { Random, seedFor } from './random.ts'
import { fewestEdits, smallestInput } from './smallest.ts'

/** What some cases came to. */
export interface Tally {
  readonly cases: number
  /** Cases in which the whole was refused, and not only an answer. */
  readonly refused: number
  /** Milliseconds of processor time, of the case that took most. */
  readonly slowest: number
  /** Bytes, of the case that took most. */
  readonly most: number
}

/** A case that breaks the contract, as small as it could be made. */
export interface Finding {
  readonly target: string
  readonly what: Breach
  readonly seed: number
  /** So many cases of the seed end with this one. */
  readonly cases: number
  readonly input: Uint8Array
  readonly madeOf: string
}

/** One input of a target: what it is made of, and what is done to that. */
interface Case {
  readonly madeOf: string
  readonly input: Uint8Array
  readonly turn: number
  readonly sound?: Sound
  /** Without any, a sound document must not be refused. */
  readonly changes?: readonly Edit[]
}

/** Documents are made, and taken apart, for this many cases each: that takes as long as twenty. */
const perSound = 100
/** Of a document that is so large that some cases take as long as all others. */
const perLargeSound = 3
const large = 2 ** 16
/** Sounds that are made together. */
const perRound = 40

/**
 * Examines so many cases, which are the same for a seed. The first of each sound document is that document, which must not
 * be refused, the others are damaged; where the target has hostile inputs, every other case is such.
 *
 * @param seen is told of each input, for who collects them; `false` ends it there
 */
export function runCases(
  target: Target,
  seed: number,
  cases: number,
  seen?: (input: Uint8Array) => boolean,
): Tally | Finding {
  const sum = { cases: 0, refused: 0, slowest: 0, most: 0 }
  return withoutTraces(() => {
    for (const batch of batchesOf(target, seed, cases)) {
      const before = forgetPeak()
      for (const one of batch.slice(0, cases - sum.cases)) {
        if (seen?.(one.input) === false) return sum
        sum.cases++
        const breach = breachOf(() => {
          const { isRefused, ms, taken } = examineCase(target, one)
          if (isRefused) sum.refused++
          sum.slowest = Math.max(sum.slowest, ms)
          sum.most = Math.max(sum.most, taken)
        })
        if (breach) return findingOf(target, seed, sum.cases, one, breach, seen)
      }
      if (peakMemory() - before < suspicious) continue
      for (const one of batch.slice(0, sum.cases)) {
        const breach = breachOf(() => examinePeak(target, one))
        if (breach) return findingOf(target, seed, sum.cases, one, breach, seen)
      }
    }
    return sum
  })
}

function examineCase(target: Target, { madeOf, input, turn, sound, changes }: Case): Outcome {
  const outcome = examine(target, input, turn)
  if (sound && !changes && outcome.isRefused) throw new Breach(`${madeOf} is right and was refused`)
  return outcome
}

/** Bytes that a batch may take for a moment without being looked at: V8 itself takes some. */
const suspicious = 2 ** 25

/** What is taken and given back is not seen when a case has ended, but in what the process had at most. */
function examinePeak(target: Target, one: Case): void {
  const before = forgetPeak()
  examineCase(target, one)
  const taken = peakMemory() - before
  if (taken > memoryFor(one.input)) {
    throw new Breach(`${target.name}: took ${taken} bytes for a moment, for ${one.input.length}`)
  }
}

function breachOf(run: () => void): Breach | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof Breach ? error : new Breach(String(error), { cause: error })
  }
}

/** Milliseconds that somebody may wait for a finding to become smaller. */
const patience = 20_000

function findingOf(
  target: Target,
  seed: number,
  cases: number,
  found: Case,
  breach: Breach,
  seen?: (input: Uint8Array) => unknown,
): Finding {
  const check = breach.message.includes('for a moment') ? examinePeak : examineCase
  const end = performance.now() + patience
  const isStill = (one: Case): boolean => {
    if (performance.now() > end) return false
    seen?.(one.input)
    const other = breachOf(() => check(target, one))
    return other !== undefined && likeOf(other) === likeOf(breach)
  }
  let one = found
  const { sound, changes } = found
  if (sound && changes) {
    const withEdits = (few: readonly Edit[]): Case => ({ ...one, input: damaged(sound, few), changes: few })
    one = withEdits(fewestEdits(changes, few => isStill(withEdits(few))))
  }
  if (!sound || changes)
    one = { ...one, input: smallestInput(one.input, input => isStill({ ...one, input })) }
  Error.stackTraceLimit = 50
  // once more, for where it came from
  const what = breachOf(() => check(target, one)) ?? breach
  return { target: target.name, what, seed, cases, input: one.input, madeOf: one.madeOf }
}

/** Breaches that differ in numbers only are the same one. */
function likeOf({ message }: Breach): string {
  return message.replaceAll(/\d+/g, '#').slice(0, 60)
}

function* batchesOf(target: Target, seed: number, cases: number): Generator<readonly Case[]> {
  for (let round = 0, made = 0; made < cases; round++) {
    const roundSeed = seedFor(target.name, seed, round)
    const random = new Random(roundSeed)
    // the first of more are the same as fewer
    const sounds = fc.sample(target.sounds, {
      seed: roundSeed,
      numRuns: Math.min(perRound, Math.ceil((cases - made) / perLargeSound)),
    })
    for (const sound of sounds) {
      const batch = batchOf(target, sound, random)
      made += batch.length
      yield batch
      if (made >= cases) return
    }
  }
}

function batchOf({ hostile }: Target, sound: Sound, random: Random): Case[] {
  const isLarge = sound.bytes.length >= large
  const right: Case = { madeOf: sound.name, input: sound.bytes, turn: random.next(), sound }
  const batch: Case[] = [right]
  const inputs = hostile && fc.sample(hostile, { seed: random.next(), numRuns: perSound / 2 })
  while (batch.length < (isLarge ? perLargeSound : perSound)) {
    const turn = random.next()
    const input = inputs && batch.length % 2 === 1 ? inputs.pop() : undefined
    if (input) batch.push({ madeOf: 'hostile', input, turn })
    else {
      const changes = someEdits(random)
      batch.push({ madeOf: sound.name, input: damaged(sound, changes), turn, sound, changes })
    }
  }
  return batch
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
