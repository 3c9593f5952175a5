// The two tables: every operation killed after every step, and every operation with every call failing.
import * as assert from 'uvu/assert'
import type { BpfError } from '../../src/index.ts'
import { type ErrnoName, errnosOf, numbers } from '../errnos.ts'
import { type Fault, faulted } from '../faults.ts'
import { dies, type Mortal } from './dying.ts'
import { MadeObjects, openFiles, pinnedBelow } from './kernel-state.ts'
import type { Operation } from './operation.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** `BPFPIN_LONG=1`: every call fails with every errno that it can give, and all dies after every call, not only every step. */
const isLong = process.env.BPFPIN_LONG === '1'

/** One row of a table. */
interface Row {
  readonly name: string
  readonly cells: readonly (string | number)[]
  readonly violations: readonly string[]
}

/** Kills each operation after each of its steps, prints a row for each, and fails if anything was lost. */
export function killEach(operations: readonly Operation[]): void {
  report(
    ['killed after each', isLong ? 'call' : 'step', 'ids', 'violations'],
    operations.map(operation => killRow(operation, isLong ? 'call' : 'step')),
  )
}

/** As {@link killEach}, for operations that have few steps, or none: killed after each system call. */
export function killEachCall(operations: readonly Operation[]): void {
  report(
    ['killed after each', 'call', 'ids', 'violations'],
    operations.map(operation => killRow(operation, 'call')),
  )
}

function killRow(operation: Operation, after: 'step' | 'call'): Row {
  const row = new Rounds(operation)
  let n = 1
  const killNext = (): boolean => {
    const text = `${operation.name}, killed after ${after} ${n}`
    operation.prepare()
    if (!dies({ after, n }, operation.run, row.made)) return false
    n++
    operation.mustBeWhole(text)
    operation.finish(text)
    return true
  }
  while (row.looked(killNext)) {}
  return row.end([n - 1])
}

/** Lets each call of each operation fail, prints a row for each, and fails if anything was lost. */
export function failEach(operations: readonly Operation[]): void {
  report(
    ['each call fails', 'calls', 'errnos', 'runs', 'thrown', 'ids', 'violations'],
    operations.map(faultRow),
  )
}

function faultRow(operation: Operation): Row {
  const row = new Rounds(operation)
  const tried = new Tried()
  const sum = { calls: 0, runs: 0, thrown: 0 }
  const failOne = (n: number): boolean => {
    const { fault, error } = failCall(operation, n, call => tried.next(call, n), row.made)
    if (fault) sum.runs++
    if (error) sum.thrown++
    return fault !== undefined
  }
  for (let n = 1; row.looked(() => failOne(n)); n++) sum.calls = n
  // those errnos of a call for which it was not made often enough
  for (let n = tried.open(); n !== undefined; n = tried.open()) {
    const at = n
    row.looked(() => failOne(at))
  }
  return row.end([sum.calls, tried.pairs, sum.runs, sum.thrown])
}

/** Which errnos of which call were tried. */
class Tried {
  readonly #calls = new Map<string, { readonly at: number[]; done: number }>()
  /** How often a place was tried that another call had by then: the two ways between two versions are not the same calls. */
  #strayed = 0

  /** What the call is to fail with this time. */
  next(call: string, n: number): ErrnoName {
    const errnos = errnosOf(call)
    const entry = this.#calls.get(call) ?? { at: [], done: 0 }
    this.#calls.set(call, entry)
    if (!entry.at.includes(n)) entry.at.push(n)
    return errnos[entry.done++ % errnos.length]!
  }

  /** A place where a call is made of which not all errnos were tried; `undefined`: there is none. */
  open(): number | undefined {
    for (const [call, { at, done }] of this.#calls) {
      const wanted = isLong ? errnosOf(call).length * at.length : errnosOf(call).length
      if (done >= wanted) continue
      if (++this.#strayed > 5000) throw new Error(`${call} is not made where it was made before`)
      return at[done % at.length]
    }
    return undefined
  }

  /** Pairs of a call and an errno. */
  get pairs(): number {
    let pairs = 0
    for (const [call, { done }] of this.#calls) pairs += Math.min(done, errnosOf(call).length)
    return pairs
  }
}

interface Outcome {
  readonly fault: Fault | undefined
  readonly error: BpfError | undefined
}

function failCall(
  operation: Operation,
  n: number,
  choose: (call: string) => ErrnoName,
  made: MadeObjects,
): Outcome {
  operation.prepare()
  const kept: { close(): void }[] = []
  const before = { pinned: pinnedBelow(root), files: openFiles() }
  let error: BpfError | undefined
  const fault = faulted(
    { n, choose, onResult: (call, result) => made.note(call, result, `${operation.name}, call ${n}`) },
    begin => {
      try {
        operation.run({ begin, keep: keptIn(kept) })
      } catch (caught) {
        error = caught as BpfError // looked at below
      }
    },
  )
  for (const item of kept) item.close()
  const text = fault
    ? `${operation.name}, call ${n}: ${fault.errno} of ${fault.call} ${fault.path ?? ''}`
    : `${operation.name} without a fault`
  assert.equal(openFiles(), before.files, `${text}: descriptors`)
  if (error) mustBeProper(error, fault, text)
  const isForward =
    operation.forward === 'always' ||
    (operation.forward === 'after the commit' && error?.message.includes('the new generation is in place'))
  if (error && !isForward) {
    assert.equal(pinnedBelow(root), before.pinned, `${text}: pins\n${error.stack}`)
    return { fault, error }
  }
  if (error) operation.mustBeWhole(text)
  operation.finish(text)
  return { fault, error }
}

function keptIn(kept: { close(): void }[]): Mortal['keep'] {
  return item => {
    kept.push(item)
    return item
  }
}

/** An error of ours, that says which call failed, or what follows from that, and what to do. */
function mustBeProper(error: BpfError, fault: Fault | undefined, text: string): void {
  const told = `${text}\n${error.stack}`
  assert.ok(fault, told)
  assert.match(error.name, /^(Bpf|Elf|Btf|Verifier|PinMismatch)Error$/, told)
  const isErrno = Object.hasOwn(numbers, error.code)
  assert.ok(isErrno || error.code.startsWith('ERR_'), told)
  if (isErrno) assert.is(error.code, fault?.errno, told)
  assert.ok((error.hint ?? '').length > 0, `${text}: no hint\n${error.stack}`)
}

/** What comes of the rounds of one row. */
class Rounds {
  readonly made = new MadeObjects()
  readonly #operation: Operation
  readonly #violations: string[] = []

  constructor(operation: Operation) {
    this.#operation = operation
  }

  /** Does one round, `false` where there is none any more; what it breaks is noted, and the next one comes. */
  looked(round: () => boolean): boolean {
    try {
      return round()
    } catch (error) {
      this.#violations.push((error as Error).stack ?? String(error))
      return this.#violations.length < mostViolations
    }
  }

  /** When nothing is pinned or open any more the kernel is asked what is left. */
  end(cells: readonly number[]): Row {
    const { name } = this.#operation
    this.looked(() => {
      this.#operation.end()
      assert.equal(this.made.left(), [], `${name}: the kernel still has`)
      return true
    })
    return { name, cells: [...cells, this.made.count], violations: this.#violations }
  }
}

/** A row with so many is given up. */
const mostViolations = 10

function report(titles: readonly string[], rows: readonly Row[]): void {
  const lines = [
    titles,
    ...rows.map(({ name, cells, violations }) => [name, ...cells, violations.length]),
  ].map(line => line.map(String))
  const widths = titles.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  console.log([line(lines[0]!), `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`].join('\n'))
  for (const cells of lines.slice(1)) console.log(line(cells))
  const violations = rows.flatMap(row => row.violations)
  assert.is(violations.length, 0, violations.join('\n\n'))
}
