import { type BpfObject, type BpfProgram, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

/** struct event of the fixture `events`. */
export interface Event {
  readonly number: bigint
  readonly square: number
  readonly kind: string
  readonly name: string
}

/** What the C source computes of a number. */
export function expected(number: number): Event {
  return {
    number: BigInt(number),
    square: Number(BigInt.asUintN(32, BigInt(number) ** 2n)),
    kind: number % 2 === 1 ? 'KIND_OPEN' : 'KIND_CLOSE',
    name: String.fromCharCode('a'.charCodeAt(0) + (number % 26)),
  }
}

/** Runs a program on a struct request: where the numbers begin, how many there are, flags of the submit. */
export function request(program: BpfProgram, first: number, count: number, flags = 0): void {
  program.run({ context: new Uint8Array(new BigUint64Array([first, count, flags].map(BigInt)).buffer) })
}

export function loadEvents(root?: string): BpfObject {
  return openObject(fixture('events'), root === undefined ? {} : { root }).load()
}
