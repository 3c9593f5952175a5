/**
 * The end of a sentence about a name that is not there: `; did you mean 'bytes'?`, with up to three of the known names
 * that are near it, the nearest first; empty if none is.
 */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearNames(name, known).map(candidate => `'${candidate}'`)
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`
}

/** The known names that a slip of the hand could have made into `name`, nearest first, three at most. */
export function nearNames(name: string, known: Iterable<string>): string[] {
  const limit = Math.floor(name.length / 3)
  const wanted = name.toLowerCase()
  const found: { readonly candidate: string; readonly distance: number }[] = []
  for (const candidate of known) {
    const distance = distanceBetween(wanted, candidate.toLowerCase(), limit)
    if (distance <= limit) found.push({ candidate, distance })
  }
  found.sort((a, b) => a.distance - b.distance)
  return found.slice(0, 3).map(({ candidate }) => candidate)
}

/**
 * Letters to insert, delete or replace, or neighbours to swap; anything above `limit` stands for "more". A name that is
 * typed in part counts as one.
 */
function distanceBetween(a: string, b: string, limit: number): number {
  if (a.length > 2 && b.startsWith(a)) return Math.min(1, b.length - a.length)
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? limit) + 1 : limit + 1
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1))
    }
    before = row
    row = next
  }
  return row[b.length]!
}
