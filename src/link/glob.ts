/** Has it `*` (any text) or `?` (any character) in it? */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text)
}

/** Does all of a name match a pattern? In linear time for one `*`, and never worse than the product of the lengths. */
export function matchesPattern(name: string, pattern: string): boolean {
  let at = 0
  let inPattern = 0
  let star = -1
  let afterStar = 0
  while (at < name.length) {
    const want = pattern[inPattern]
    if (want === '*') {
      star = inPattern++
      afterStar = at
    } else if (want === '?' || want === name[at]) {
      at++
      inPattern++
    } else if (star < 0) {
      return false
    } else {
      // the last star takes one character more
      inPattern = star + 1
      at = ++afterStar
    }
  }
  while (pattern[inPattern] === '*') inPattern++
  return inPattern === pattern.length
}
