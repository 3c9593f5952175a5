import type { Edit } from './damage.ts'

/** The changes of which none can be left out. */
export function fewestEdits(
  changes: readonly Edit[],
  isStill: (changes: readonly Edit[]) => boolean,
): Edit[] {
  let few = [...changes]
  for (let i = 0; i < few.length && few.length > 1; ) {
    const fewer = few.toSpliced(i, 1)
    if (isStill(fewer)) few = fewer
    else i++
  }
  return few
}

/** As few bytes as possible, and as many of them zero: ends are cut off, and parts are cleared, each half as large as before. */
export function smallestInput(input: Uint8Array, isStill: (input: Uint8Array) => boolean): Uint8Array {
  let small = input
  const attempt = (smaller: Uint8Array): boolean => {
    if (!isStill(smaller)) return false
    small = smaller
    return true
  }
  for (let cut = input.length >>> 1; cut > 0; cut >>>= 1) {
    while (cut < small.length && attempt(small.slice(0, small.length - cut)));
  }
  for (let part = small.length >>> 1; part > 0; part >>>= 1) {
    for (let at = 0; at < small.length; at += part) {
      if (small.subarray(at, at + part).every(byte => byte === 0)) continue
      attempt(small.slice().fill(0, at, at + part))
    }
  }
  return small
}
