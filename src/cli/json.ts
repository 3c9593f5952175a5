import { visibleJson } from './visible.ts'

/**
 * A value as lines of JSON, a list with one element a line.
 *
 * One rule for what JSON has no word for: an integer is a number where JavaScript holds it exactly (up to 2^53 - 1 either way) and
 * else a string of its decimal digits; bytes are an array of numbers; NaN and the infinities are strings.
 */
export function toJson(value: unknown): Iterable<string> {
  return Array.isArray(value) ? listLines(value) : [visibleJson(JSON.stringify(value, replace, 2))]
}

/** A value as one line of JSON, by the same rule. */
export function toJsonLine(value: unknown): string {
  return visibleJson(JSON.stringify(value, replace))
}

/** Line by line, as a list can be longer than a string. */
function* listLines(list: readonly unknown[]): Iterable<string> {
  if (list.length === 0) {
    yield '[]'
    return
  }
  yield '['
  for (const [i, item] of list.entries()) {
    yield `  ${toJsonLine(item)}${i < list.length - 1 ? ',' : ''}`
  }
  yield ']'
}

function replace(_: string, part: unknown): unknown {
  if (typeof part === 'bigint') {
    const number = Number(part)
    return Number.isSafeInteger(number) ? number : String(part)
  }
  if (typeof part === 'number' && !Number.isFinite(part)) return String(part)
  return part instanceof Uint8Array ? [...part] : part
}
