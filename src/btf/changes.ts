/**
 * How well something pinned fits, best first. `identical`: the same layout. `compatible`: usable as it is.
 * `convertible`: a new value can be made of the old one and nothing is lost. `lossy`: as that, but something is lost.
 * `incompatible`: no value can be made of the old one.
 */
export type Grade = 'identical' | 'compatible' | 'convertible' | 'lossy' | 'incompatible'

const ranks: Readonly<Record<Grade, number>> = {
  identical: 0,
  compatible: 1,
  convertible: 2,
  lossy: 3,
  incompatible: 4,
}

/** Is `a` a worse grade than `b`? */
export function isWorse(a: Grade, b: Grade): boolean {
  return ranks[a] > ranks[b]
}

/** The worst of some grades; `identical` of none. */
export function worstOf(grades: Iterable<Grade>): Grade {
  let worst: Grade = 'identical'
  for (const grade of grades) if (isWorse(grade, worst)) worst = grade
  return worst
}

/** A field on one side of a comparison. */
export interface FieldSide {
  /** As C writes it: `__u64`, `struct flow *`, `char[16]`, of a bitfield `__u32 : 3`. */
  readonly type: string
  /** Bytes from the start of the value; of a field in an array's elements that of the first element's. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  /** Bits from the start of the value. */
  readonly bitOffset: number
  /** Bits. */
  readonly bitSize: number
}

/**
 * What became of a field: `filled` is added where there was padding, `reset` starts empty because only the kernel may
 * touch it, `renumbered` is an enum whose names have other values, `retyped` is of another kind.
 */
export type ChangeKind =
  | 'kept'
  | 'moved'
  | 'widened'
  | 'narrowed'
  | 'signed'
  | 'grown'
  | 'cut'
  | 'added'
  | 'filled'
  | 'dropped'
  | 'renamed'
  | 'reset'
  | 'retyped'
  | 'renumbered'

/** One field of either side, and what became of it. */
export interface FieldChange {
  /** From the value down: `bytes`, `key.saddr`, `slots[].hits`; empty for the whole value. */
  readonly path: string
  readonly change: ChangeKind
  /** Missing where the pinned side has no such field. */
  readonly pinned?: FieldSide
  /** Missing where the wanted side has no such field. */
  readonly wanted?: FieldSide
  /** What this means by itself. */
  readonly grade: Grade
  /** In a few words: `reads what was in the padding`. */
  readonly note?: string
  /** What only the kernel may touch: a lock has no state, anything else starts empty in a new value. */
  readonly kernel?: 'lock' | 'state'
  /** Padding, by its name; it holds nothing. */
  readonly padding?: true
}
