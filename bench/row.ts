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
  /** What all need, done once before the first and after the last. */
  readonly before?: () => Promise<unknown>
  readonly after?: () => Promise<unknown>
}

export type Measurement = () => number | Promise<number>

/** How much is measured. */
export interface Effort {
  /** Of objects, in maps. */
  readonly sizes: readonly number[]
  /** Of maps that are converted. */
  readonly entries: readonly number[]
  readonly rounds: number
  /** Of rows of whole processes, which differ much. */
  readonly processRounds: number
}

export interface Place {
  /** A bpffs. */
  readonly root: string
  /** A directory for what is built. */
  readonly scratch: string
}

/** A row that was measured: medians, and ratios of them. */
export interface Result {
  readonly name: string
  readonly n: number | null
  readonly unit: string
  readonly ours: number
  readonly libbpf: number | null
  readonly floor: number | null
  /** Ours divided by theirs, as printed: for costs less than 1 is better, for rates (`/s`) more. */
  readonly vsLibbpf: number | null
  readonly vsFloor: number | null
  /** The middle half of our own measurements: from, to. */
  readonly spread: readonly [number, number]
}

/** Measures all sides in turn, so that what slows the machine slows all of them. */
export async function measure(row: Row): Promise<Result> {
  const sides = [row.ours, row.libbpf, row.floor]
  const taken: number[][] = sides.map(() => [])
  await row.before?.()
  for (let round = -row.warmUps; round < row.rounds; round++) {
    for (const [i, side] of sides.entries()) {
      const value = await side?.()
      if (value !== undefined && round >= 0) taken[i]!.push(value)
    }
  }
  await row.after?.()
  return summary(row, taken)
}

/** @param taken measurements of us, of libbpf and of the floor */
export function summary(
  row: Pick<Row, 'name' | 'n' | 'unit'>,
  taken: readonly (readonly number[])[],
): Result {
  const [ours = Number.NaN, libbpf, floor] = taken.map(values => quantile(values, 0.5))
  const ratio = (other: number | undefined): number | null => (other === undefined ? null : ours / other)
  return {
    ...{ name: row.name, n: row.n ?? null, unit: row.unit },
    ...{ ours, libbpf: libbpf ?? null, floor: floor ?? null },
    ...{ vsLibbpf: ratio(libbpf), vsFloor: ratio(floor) },
    spread: [quantile(taken[0]!, 0.25) ?? ours, quantile(taken[0]!, 0.75) ?? ours],
  }
}

/** The value below which this part of the values is, halfway between two of them where it falls between; of none, none. */
function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const at = part * (sorted.length - 1)
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  return below === undefined || above === undefined ? undefined : below + (above - below) * (at % 1)
}
