import { readdirSync } from 'node:fs'

const directory = new URL('../pairs/', import.meta.url).pathname

/** One side of a pair of test/pairs, compiled. */
export function pairObject(pair: string, side: 'old' | 'new'): string {
  return `${directory}${pair}.${side}.o`
}

/** The names of all pairs. */
export function pairNames(): string[] {
  return readdirSync(directory)
    .filter(file => file.endsWith('.c'))
    .map(file => file.slice(0, -2))
    .sort()
}
