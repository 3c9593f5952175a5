/** What is measured, and by whom. */
export interface Row {
  readonly name: string
  /** How large: maps, entries, ...; `undefined` where there is one size. */
  readonly n?: number
  /** Of the values: `'us/map'`; for those that end in `/s` more is better. */
  readonly unit: string
  /** Measured once each before it counts. */
  readonly warmUps: number
  readonly rounds: number
  /** One measurement, in the unit; `null` where there is nobody to compare with. */
  readonly ours: Measurement
  readonly libbpf: Measurement | null
  readonly floor: Measurement | null
}

export type Measurement = () => number | Promise<number>

/** A row that was measured: medians, and ratios of them. */
export interface Result {
  readonly name: string
  readonly n: number | null
  readonly unit: string
  readonly ours: number
  readonly libbpf: number | null
  readonly floor: number | null
  readonly vsLibbpf: number | null
  readonly vsFloor: number | null
  /** The middle half of our own measurements: from, to. */
  readonly spread: readonly [number, number]
}

/** Measures all sides in turn, so that what slows the machine slows all of them. */
export async function measure(row: Row): Promise<Result> {
  const sides = [row.ours, row.libbpf, row.floor]
  const taken: number[][] = sides.map(() => [])
  for (let round = -row.warmUps; round < row.rounds; round++) {
    for (const [i, side] of sides.entries()) {
      const value = await side?.()
      if (value !== undefined && round >= 0) taken[i]!.push(value)
    }
  }
  const [ours, libbpf, floor] = taken.map(values => quantile(values, 0.5))
  const ratio = (other: number | undefined): number | null => (other === undefined ? null : ours! / other)
  return {
    ...{ name: row.name, n: row.n ?? null, unit: row.unit },
    ...{ ours: ours!, libbpf: libbpf ?? null, floor: floor ?? null },
    ...{ vsLibbpf: ratio(libbpf), vsFloor: ratio(floor) },
    spread: [quantile(taken[0]!, 0.25)!, quantile(taken[0]!, 0.75)!],
  }
}

function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(part * (sorted.length - 1) + 0.5)]
}
