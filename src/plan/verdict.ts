import type { ChangeKind, Grade, LayoutComparison } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { MapShape } from './shape.ts'

/** How well what is pinned fits what the object asks for. `new`: not pinned yet; `gone`: not in the object any more. */
export type Verdict = 'new' | 'identical' | 'compatible' | 'convertible' | 'lossy' | 'incompatible' | 'gone'

/** One difference: the field, and both sides. */
export interface Reason {
  /** A parameter of the map: `'valueSize'`; of a layout the path of the field: `'value.bytes'`, `'key.saddr'`. */
  readonly field: string
  /** What the object asks for; of a layout `'__u64 at 8'`. */
  readonly wanted: string
  /** What is pinned. */
  readonly pinned: string
  /** Of a layout: what became of the field. */
  readonly change?: ChangeKind
  /** What it means, in a few words. */
  readonly note?: string
}

/** Both layouts of a map's entries side by side; what is not there was not compared. */
export interface MapDifferences {
  readonly key?: LayoutComparison
  readonly value?: LayoutComparison
}

/** The verdict on one map. */
export interface MapVerdict {
  readonly kind: 'map'
  readonly name: string
  /** The pin. */
  readonly path: string
  readonly verdict: Verdict
  /** Empty for `identical`, `new` and `gone`. */
  readonly reasons: readonly Reason[]
  /** The layouts, where both sides have types that are not the very same. */
  readonly differences?: MapDifferences
  /** User space cannot read what the map holds: nothing can be carried, by nobody. */
  readonly isUnreadable?: true
  /** Others use it, too, and would go on with it: it stays, or nothing is done. */
  readonly isShared?: true
}

/** The verdict on one program: code has no state, it is the same or it is not. */
export interface ProgramVerdict {
  readonly kind: 'program'
  readonly name: string
  readonly verdict: 'new' | 'identical' | 'changed' | 'gone'
}

/** The verdict on one link: is the program attached where the object asks for? */
export interface LinkVerdict {
  readonly kind: 'link'
  readonly name: string
  readonly verdict: 'new' | 'identical' | 'changed' | 'gone'
  /** Of `changed`. */
  readonly reasons: readonly Reason[]
}

export type ItemVerdict = MapVerdict | ProgramVerdict | LinkVerdict

const parameters: Readonly<Record<string, string>> = {
  keySize: 'key size',
  valueSize: 'value size',
  maxEntries: 'max_entries',
  mapExtra: 'map_extra',
} satisfies Partial<Record<keyof MapShape, string>>

/**
 * A reason as a person reads it: `value size 16 is pinned, the object asks for 24`, or of a layout
 * `value.bytes: __u64 at 8 -> __u32 at 8 (narrowed: 64 bits into 32)`.
 */
export function reasonText({ field, wanted, pinned, change, note }: Reason): string {
  if (change === undefined) {
    const [, inner = '', own = field] = /^(inner )?(.+)$/.exec(field) ?? []
    const name = `${inner}${Object.hasOwn(parameters, own) ? parameters[own] : own}`
    return `${name} ${pinned} is pinned, the object asks for ${wanted}${note === undefined ? '' : ` (${note})`}`
  }
  const what = change === 'kept' ? (note ?? change) : note === undefined ? change : `${change}: ${note}`
  return `${field}: ${pinned} -> ${wanted} (${what})`
}

const grades: ReadonlySet<Verdict> = /* @__PURE__ */ new Set([
  ...(['identical', 'compatible', 'convertible', 'lossy', 'incompatible'] as const),
])

/** Is this one about something that is on both sides? */
export function isGrade(verdict: Verdict): verdict is Grade {
  return grades.has(verdict)
}

/** Can the object's programs use what is pinned as it is? */
export function fits({ verdict }: ItemVerdict): boolean {
  return verdict === 'identical' || verdict === 'compatible'
}

/** One line for a person: `map 'events': value size 16 is pinned, the object asks for 24`. */
export function verdictText(item: ItemVerdict): string {
  const what = `${item.kind} '${item.name}'`
  switch (item.verdict) {
    case 'gone':
      return item.kind === 'link'
        ? `${what} is pinned, the object attaches nothing under that name`
        : `${what} is pinned, the object has none of that name`
    case 'changed':
      return item.kind === 'program'
        ? `${what} is pinned with other code`
        : `${what}: ${reasonsText(item.reasons)}`
    case 'identical':
      return `${what} is the same`
    default:
      if (item.kind === 'program' || item.reasons.length === 0) return `${what} is not pinned`
      return `${what}: ${reasonsText(item.reasons)}`
  }
}

function reasonsText(reasons: readonly Reason[]): string {
  return reasons.map(reasonText).join('; ')
}

/** What is pinned does not fit the object that wants to use it. Nothing was changed. */
export class PinMismatchError extends BpfError {
  /** Those that refuse: maps, programs and links. */
  readonly verdicts: readonly ItemVerdict[]

  constructor(object: string, path: string, verdicts: readonly ItemVerdict[]) {
    const [first, ...others] = verdicts.map(verdictText)
    const more = others.length > 0 ? ` (and ${others.length} more)` : ''
    super(`object '${object}' does not fit what is pinned at ${path}: ${first}${more}`, {
      code: 'ERR_PIN_MISMATCH',
      path,
    })
    this.verdicts = verdicts
  }

  override get name(): string {
    return 'PinMismatchError'
  }
}
