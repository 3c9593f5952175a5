import type { Result } from './row.ts'

/** How the cost of one map, entry, ... grows with the number of them: 1 where it does not. */
export interface Scale {
  readonly ours: number
  /** How that of the peers grows, which tells what of it is the kernel's. */
  readonly libbpf: number | null
  readonly floor: number | null
  /** The size that it is compared with. */
  readonly from: number
}

/** Sizes are compared with this one, or where a row was not measured at it, with its smallest. */
const usual = 1024

/** @returns `undefined` where `all` has no smaller size of the same row to compare with */
export function scaleOf(result: Result, all: readonly Result[]): Scale | undefined {
  const same = all.filter(({ name, n }) => name === result.name && n !== null)
  const [smallest] = same.sort((a, b) => a.n! - b.n!)
  const base = same.find(({ n }) => n === usual) ?? smallest
  if (base === undefined || result.n === null || result.n <= base.n!) return undefined
  const growth = (side: 'ours' | 'libbpf' | 'floor'): number | null => {
    const [now, before] = [costOfOne(result, side), costOfOne(base, side)]
    return now === null || before === null ? null : now / before
  }
  return { ours: growth('ours')!, libbpf: growth('libbpf'), floor: growth('floor'), from: base.n! }
}

function costOfOne({ unit, n, ...values }: Result, side: 'ours' | 'libbpf' | 'floor'): number | null {
  const value = values[side]
  if (value === null || n === null) return null
  if (unit.endsWith('/s')) return 1 / value
  return unit.includes('/') ? value : value / n
}
