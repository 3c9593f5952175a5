import { readdirSync, readFileSync } from 'node:fs'

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

/** The verdict on every pair that docs/upgrade.md has in its table of changes, `| change | `verdict` | pairs |`. */
export function declaredVerdicts(): (readonly [pair: string, verdict: string])[] {
  const page = readFileSync(new URL('../../docs/upgrade.md', import.meta.url), 'utf8')
  const rows = page.matchAll(/^\|[^|]+\| `(\w+)` \| ([a-z, -]+) \|$/gm)
  return Array.from(rows, ([, verdict = '', pairs = '']) => ({ verdict, pairs: pairs.split(', ') }))
    .filter(({ pairs }) => pairs.some(pair => pairNames().includes(pair)))
    .flatMap(({ verdict, pairs }) => pairs.map(pair => [pair, verdict] as const))
}
