// The two tables: every operation killed after every step, and every operation with every call failing.
import * as assert from 'uvu/assert'
import type { BpfError } from '../../src/index.ts'
import { type ErrnoName, errnosOf, numbers } from '../errnos.ts'
import { type Fault, type Faulty, faulted, operate, type Site, type SiteCalls, sitesOf } from '../faults.ts'
import { DescriptorLimit } from './descriptor-limit.ts'
import { dies, type Mortal } from './dying.ts'
import { MadeObjects, openFiles, pinnedBelow } from './kernel-state.ts'
import type { Operation } from './operation.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** `BPFPIN_LONG=1`: every call fails, each site with every errno that it can give, and all dies after every call, not only every step. */
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
  return row.end([n - 1, row.made.count])
}

/**
 * Lets calls of each operation fail, prints a row for each, and fails if anything was lost: at each site where it makes calls
 * the first or the last of them, unless an operation above has the site as well; and in all of the table each call with each
 * errno that it can give. With BPFPIN_LONG=1 every call of every operation fails, and each site with every errno that it can give.
 */
export function failEach(operations: readonly Operation[]): void {
  const table = new FaultTable()
  report(
    ['each call fails', 'sites', 'calls', 'errnos', 'runs', 'thrown', 'ids', 'violations'],
    operations.map(operation => faultRow(operation, table)),
  )
}

function faultRow(operation: Operation, table: FaultTable): Row {
  const row = new Rounds(operation)
  const sum = { runs: 0, thrown: 0 }
  const pairs = new Set<string>()
  const sites = callsOf(operation)
  for (const target of table.targets(sites)) {
    const failOne = (): boolean => {
      const { fault, error } = failCall(operation, target, row.made)
      if (fault) {
        sum.runs++
        pairs.add(`${fault.call} ${fault.errno}`)
        table.tried.add(`${fault.call} ${fault.errno}`)
      }
      if (error) sum.thrown++
      return fault !== undefined
    }
    // to and fro between two versions are not the same calls: then it is there the next time
    if (!row.looked(failOne) && !row.isGivenUp) row.looked(failOne)
    if (row.isGivenUp) break
  }
  row.looked(() => mustBeComplete(operation, sites, table.tried))
  const calls = [...sites.values()].reduce((total, { count }) => total + count, 0)
  return row.end([sites.size, calls, pairs.size, sum.runs, sum.thrown, row.made.count])
}

/** Each call has failed with each errno. */
function mustBeComplete(
  { name }: Operation,
  sites: ReadonlyMap<Site, SiteCalls>,
  pairs: ReadonlySet<string>,
): boolean {
  const wanted = [...sites.values()].flatMap(({ call }) => errnosOf(call).map(errno => `${call} ${errno}`))
  const missing = [...new Set(wanted)].filter(pair => !pairs.has(pair))
  assert.equal(missing, [], `${name}: not tried`)
  return true
}

/** Where it makes which calls, there and back. */
function callsOf(operation: Operation): Map<Site, SiteCalls> {
  const sites = new Map<Site, SiteCalls>()
  for (let round = 0; round < 2; round++) {
    operation.prepare()
    const kept: { close(): void }[] = []
    const found = sitesOf(begin => operate(operation, { begin, keep: keptIn(kept) }))
    for (const item of kept) item.close()
    operation.finish(`${operation.name} without a fault`)
    for (const [site, calls] of found) if (!sites.has(site)) sites.set(site, calls)
  }
  return sites
}

/** What is to fail. */
interface Target {
  readonly site: Site
  readonly nth: number
  readonly errno: ErrnoName
}

/** What the rows of a table have in common. */
class FaultTable {
  /** Each call with each errno that it was made to give. */
  readonly tried = new Set<string>()
  readonly #known = new Set<Site>()
  /** How often a call was chosen. */
  readonly #chosen = new Map<string, number>()

  #next(call: string): ErrnoName {
    const chosen = this.#chosen.get(call) ?? 0
    this.#chosen.set(call, chosen + 1)
    const errnos = errnosOf(call)
    return errnos[chosen % errnos.length]!
  }

  /** What is to fail in an operation with such sites. */
  *targets(sites: ReadonlyMap<Site, SiteCalls>): IterableIterator<Target> {
    for (const [site, { call, count }] of sites) {
      const one = this.#known.size % 2 === 0 ? 1 : count
      const isKnown = this.#known.has(site)
      for (const nth of isLong ? upTo(count) : isKnown ? [] : [one]) {
        const errnos = isLong && !isKnown && nth === 1 ? errnosOf(call) : [this.#next(call)]
        for (const errno of errnos) yield { site, nth, errno }
      }
      this.#known.add(site)
    }
    // those errnos of a call that there were too few sites for
    for (const [site, { call }] of sites) {
      for (const errno of errnosOf(call)) {
        if (!this.tried.has(`${call} ${errno}`)) yield { site, nth: 1, errno }
      }
    }
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

interface Outcome {
  readonly fault: Fault | undefined
  readonly error: BpfError | undefined
}

function failCall(operation: Operation, { site, nth, errno }: Target, made: MadeObjects): Outcome {
  const trial = new Trial(operation)
  const by = `${operation.name} with ${errno}`
  const onResult: Faulty['onResult'] = (call, result) => made.note(call, result, by)
  const fault = faulted({ site, nth, errno, onResult }, begin => trial.run(begin))
  const text = fault
    ? `${operation.name}: ${errno} of ${fault.call} ${fault.path ?? ''} (the ${nth}. there)`
    : `${operation.name} without a fault`
  trial.judge(fault?.errno, text)
  return { fault, error: trial.error }
}

/** One run of an operation in which something may fail, and what must hold then. */
class Trial {
  readonly #operation: Operation
  readonly #kept: { close(): void }[] = []
  readonly #before: { readonly pinned: string[]; readonly files: string[] }
  #found: string | undefined
  error: BpfError | undefined

  constructor(operation: Operation) {
    operation.prepare()
    this.#operation = operation
    this.#before = { pinned: pinnedBelow(root), files: openFiles() }
  }

  run(begin: () => void): void {
    try {
      this.#found = operate(this.#operation, { begin, keep: keptIn(this.#kept) })
    } catch (caught) {
      this.error = caught as BpfError // looked at below
    }
  }

  /** @param errno the one that was given, if any */
  judge(errno: ErrnoName | undefined, text: string): void {
    const operation = this.#operation
    const { error } = this
    for (const item of this.#kept) item.close()
    assert.equal(openFiles(), this.#before.files, `${text}: descriptors`)
    if (error) mustBeProper(error, errno, text)
    else if (this.#found !== undefined && !(errno && operation.mayFind?.(this.#found, errno))) {
      assert.is(this.#found, answers.get(operation) ?? this.#found, text)
      answers.set(operation, this.#found)
    }
    const isForward =
      operation.forward === 'always' ||
      (operation.forward === 'after the commit' && error?.message.includes('the new generation is in place'))
    if (error && !isForward) {
      assert.equal(pinnedBelow(root), this.#before.pinned, `${text}: pins\n${error.stack}`)
      return
    }
    if (error) operation.mustBeWhole(text)
    operation.finish(text)
  }
}

/** What an operation finds that finds something. */
const answers = new WeakMap<Operation, string>()

function keptIn(kept: { close(): void }[]): Mortal['keep'] {
  return item => {
    kept.push(item)
    return item
  }
}

/** An error of ours, that says which call failed, or what follows from that, and what to do. */
function mustBeProper(error: BpfError, errno: ErrnoName | undefined, text: string): void {
  const told = `${text}\n${error.stack}`
  assert.ok(errno, told)
  assert.match(error.name, /^(Bpf|Elf|Btf|Verifier|PinMismatch)Error$/, told)
  const isErrno = Object.hasOwn(numbers, error.code)
  assert.ok(isErrno || error.code.startsWith('ERR_'), told)
  if (isErrno) assert.is(error.code, errno, told)
  assert.ok((error.hint ?? '').length > 0, `${text}: no hint\n${error.stack}`)
}

/**
 * Runs each operation with a limit on descriptors that lets it open none, one, two and so on, until it has had enough of them
 * three times in a row; prints a row for each, and fails if anything was lost.
 */
export function starveEach(operations: readonly Operation[]): void {
  report(
    ['few descriptors', 'enough', 'thrown', 'violations'],
    operations.map(operation => {
      const row = new Rounds(operation)
      const sum = { spare: 0, thrown: 0, done: 0 }
      const runOnce = (): boolean => {
        const trial = new Trial(operation)
        const limit = new DescriptorLimit()
        trial.run(() => limit.leave(sum.spare))
        limit.lift()
        sum.spare++
        sum.done = trial.error ? 0 : sum.done + 1
        if (trial.error) sum.thrown++
        trial.judge('EMFILE', `${operation.name}, ${sum.spare - 1} descriptors`)
        return sum.done < 3
      }
      while (row.looked(runOnce)) {}
      return row.end([sum.spare - 3, sum.thrown])
    }),
  )
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
      return !this.isGivenUp
    }
  }

  get isGivenUp(): boolean {
    return this.#violations.length >= mostViolations
  }

  /** When nothing is pinned or open any more the kernel is asked what is left. */
  end(cells: readonly number[]): Row {
    const { name } = this.#operation
    this.looked(() => {
      this.#operation.end()
      assert.equal(this.made.left(), [], `${name}: the kernel still has`)
      return true
    })
    return { name, cells, violations: this.#violations }
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
