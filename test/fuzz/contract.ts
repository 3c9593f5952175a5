import { getHeapStatistics } from 'node:v8'
import type { Arbitrary } from 'fast-check'
import type { Sound } from './damage.ts'

/** Something that reads what others wrote. */
export interface Target {
  readonly name: string
  /** Inputs that are right, each of which is accepted. */
  readonly sounds: Arbitrary<Sound>
  /** Inputs made wrong by who knows what they mean, which may be refused. */
  readonly hostile?: Arbitrary<Uint8Array>
  /** Reads the bytes, in place where that is possible, and asks for all that they hold. */
  ask(bytes: Uint8Array, questions: Questions): void
  /** May it be refused with this? */
  isRefusal(error: Error): boolean
  /** Has WebAssembly and TypeScript to do it, whose answers must be equal. */
  readonly hasTwin: boolean
}

/** What was asked of one input, and what came of it. */
export class Questions {
  readonly core: 'wasm' | 'twin'
  /** Any number: what takes long is asked of some inputs only. */
  readonly turn: number
  /** Of few inputs more is asked than of millions. */
  readonly isThorough: boolean
  /** Messages of refusals. */
  readonly refused: string[] = []
  readonly #isRefusal: (error: Error) => boolean
  #digest = 0

  constructor(target: Pick<Target, 'isRefusal'>, core: 'wasm' | 'twin', turn: number, isThorough = false) {
    this.core = core
    this.turn = turn
    this.isThorough = isThorough
    this.#isRefusal = error => target.isRefusal(error)
  }

  /** The answer, which counts, or `undefined` for a refusal, which does as well. */
  attempt<T>(question: () => T): T | undefined {
    try {
      return question()
    } catch (error) {
      if (!(error instanceof Error) || !this.#isRefusal(error)) throw error
      this.refused.push(error.message)
      this.note(error.message)
      return undefined
    }
  }

  /** Makes a part of an answer count: what other cores and other surroundings must answer as well. */
  note(...answers: readonly (string | number | bigint | undefined)[]): void {
    for (const answer of answers) {
      if (typeof answer === 'number' && Number.isInteger(answer)) this.#mix(answer)
      else this.#mixText(String(answer))
    }
  }

  #mixText(text: string): void {
    this.#mix(text.length)
    for (let i = 0; i < Math.min(text.length, 64); i++) this.#mix(text.charCodeAt(i))
  }

  #mix(word: number): void {
    this.#digest = Math.imul(((this.#digest << 5) | (this.#digest >>> 27)) ^ word, 0x9e3779b1)
  }

  get digest(): number {
    return this.#digest
  }
}

/** What must not happen did. */
export class Breach extends Error {
  override get name(): string {
    return 'Breach'
  }
}

/** What one case took. */
export interface Outcome {
  /** Was the whole refused, and not only an answer to one of the questions? */
  readonly isRefused: boolean
  /** On the clock, or where that is long, of the processor: a busy system is not what takes long. */
  readonly ms: number
  /** Bytes of memory that were taken and not yet given back. */
  readonly taken: number
}

const surroundings = 256
/** What is there, by its bytes. */
const surroundingsOf: Readonly<Record<number, Uint8Array>> = {
  65: new Uint8Array(surroundings).fill(0x41),
  190: new Uint8Array(surroundings).fill(0xbe),
}

/**
 * Hands the input to the target, and checks that it was answered or refused as it should: by an error of ours that says a
 * place, soon, in little memory, without a byte around the input being read or any being written.
 *
 * @throws Breach where it was not.
 */
export function examine(target: Target, input: Uint8Array, turn = 0): Outcome {
  const first = once(target, input, 'twin', turn, 0x41)
  const limit = timeFor(input)
  const ms = first.ms <= limit ? first.ms : busyTime(() => once(target, input, 'twin', turn, 0x41))
  if (ms > limit) throw new Breach(`${target.name}: took ${Math.round(ms)} ms for ${input.length} bytes`)
  // a twentieth of a millisecond each, as an instance of the core is made
  const isTwice = turn % 8 === 0
  if (isTwice) {
    const core = target.hasTwin ? 'wasm' : 'twin'
    const again = once(target, input, core, turn, 0xbe)
    if (again.digest !== first.digest) {
      throw new Breach(`${core} and other bytes around it change the answer`)
    }
  }
  return { ...first, ms }
}

function once(
  target: Target,
  input: Uint8Array,
  core: 'wasm' | 'twin',
  turn: number,
  around: number,
): Outcome & { readonly digest: number } {
  const memory = new Uint8Array(surroundings + input.length + surroundings).fill(around)
  const bytes = memory.subarray(surroundings, surroundings + input.length)
  bytes.set(input)
  const questions = new Questions(target, core, turn)
  let isRefused = false
  const before = memoryInUse()
  const start = performance.now()
  try {
    const answered = questions.attempt(() => {
      target.ask(bytes, questions)
      return true
    })
    isRefused = answered === undefined
  } catch (cause) {
    throw new Breach(`${target.name}: not refused as it should be: ${cause}`, { cause })
  }
  const ms = performance.now() - start
  const taken = memoryInUse() - before
  if (Buffer.compare(bytes, input) !== 0) throw new Breach(`${target.name}: the input was written to`)
  const untouched = surroundingsOf[around]!
  for (const part of [memory.subarray(0, surroundings), memory.subarray(-surroundings)]) {
    if (Buffer.compare(part, untouched) !== 0)
      throw new Breach(`${target.name}: bytes around it were written to`)
  }
  if (taken > memoryFor(input)) throw new Breach(`${target.name}: took ${taken} bytes for ${input.length}`)
  return { isRefused, ms, taken, digest: questions.digest }
}

/** Milliseconds: what some types take that may have 65,536 fields however small the file is, and what a byte may take. */
function timeFor({ length }: Uint8Array): number {
  return 300 + length / 1000
}

/** Milliseconds of the processor. A first call that compiles, and a collection of garbage, are not what takes long. */
function busyTime(run: () => void): number {
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...times)
}

/** Bytes: objects for records, and what V8 has not collected yet. */
export function memoryFor({ length }: Uint8Array): number {
  return 2 ** 25 + 200 * length
}

function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** ElfError or BtfError, with a place and its code. By name: a test may have several copies of the library. */
export function isPlaced(error: Error): boolean {
  const { name, where, code } = error as { name?: string; where?: unknown; code?: unknown }
  if (typeof where !== 'string' || where === '' || !error.message.startsWith(`${where}: `)) return false
  return (name === 'ElfError' && code === 'ERR_ELF') || (name === 'BtfError' && code === 'ERR_BTF')
}

/** As above, or a BpfError with one of these codes. */
export function isPlacedOr(...codes: readonly string[]): (error: Error) => boolean {
  return error => {
    const { name, code } = error as { name?: string; code?: unknown }
    return isPlaced(error) || (name === 'BpfError' && typeof code === 'string' && codes.includes(code))
  }
}
