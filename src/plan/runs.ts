/** Numbers that follow each other: the first, and how many. Of 0 there can be many as well, which stay 0. */
export type Run = readonly [first: number, count: number]

/** Numbers as runs: the kernel gives things that are made one after another ids that follow each other. */
export function runsOf(numbers: ArrayLike<number>): Run[] {
  const runs: Run[] = []
  let [first, count] = [0, 0]
  // of thousands: an iterator would make an object for each
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!
    if (count > 0 && number === nth(first, count)) {
      count++
      continue
    }
    if (count > 0) runs.push([first, count])
    first = number
    count = 1
  }
  if (count > 0) runs.push([first, count])
  return runs
}

/** The numbers behind runs; `undefined` unless they are as many. */
export function numbersOf(runs: readonly Run[], length: number): Uint32Array | undefined {
  const numbers = new Uint32Array(length)
  let at = 0
  for (const [first, count] of runs) {
    // what somebody else wrote may say that there are any number of them
    if (count > length - at) return undefined
    for (let i = 0; i < count; i++) numbers[at++] = nth(first, i)
  }
  return at === length ? numbers : undefined
}

function nth(first: number, index: number): number {
  return first === 0 ? 0 : first + index
}

/** Are these runs of ids or of inode numbers, which have 32 bits? */
export function areRuns(value: unknown): value is readonly Run[] {
  return Array.isArray(value) && value.every(isRun)
}

function isRun(run: unknown): run is Run {
  if (!Array.isArray(run) || run.length !== 2) return false
  const [first, count] = run
  return isWord(first) && isWord(count) && count > 0 && first + count <= 2 ** 32
}

/** Has it 32 bits, without a sign? */
export function isWord(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32
}
