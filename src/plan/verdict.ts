import { BpfError } from '../errors.ts'
import { keptShape, type Machine, type MapShape } from './shape.ts'

/** How well what is pinned fits what the object asks for. `new`: not pinned yet; `gone`: not in the object any more. */
export type Verdict = 'new' | 'identical' | 'compatible' | 'convertible' | 'lossy' | 'incompatible' | 'gone'

/** One difference: the field, and both sides. */
export interface Reason {
  /** A parameter of the map: `'valueSize'`. */
  readonly field: string
  /** What the object asks for. */
  readonly wanted: string
  /** What is pinned. */
  readonly pinned: string
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

const parameters = {
  type: 'type',
  keySize: 'key size',
  valueSize: 'value size',
  maxEntries: 'max_entries',
  flags: 'flags',
  mapExtra: 'map_extra',
} as const satisfies Record<keyof MapShape, string>

/**
 * Compares the parameters of a pinned map with those that the object asks for. What the kernel rounds or adds by itself
 * is no difference that counts: the verdict is `compatible` then, and says what it was.
 */
export function compareMap(
  name: string,
  path: string,
  asked: MapShape,
  pinned: MapShape,
  machine: Machine,
): MapVerdict {
  const reasons = differences(asked, pinned)
  if (reasons.length === 0) return { kind: 'map', name, path, verdict: 'identical', reasons }
  const counting = new Set(differences(keptShape(asked, machine), pinned).map(({ field }) => field))
  if (counting.size === 0) return { kind: 'map', name, path, verdict: 'compatible', reasons }
  const why = reasons.filter(({ field }) => counting.has(field))
  return { kind: 'map', name, path, verdict: 'incompatible', reasons: why }
}

function differences(asked: MapShape, pinned: MapShape): Reason[] {
  const reasons: Reason[] = []
  // a plain loop over the six keys: this runs for every map of a bulk reuse
  for (const field of parameterNames) {
    if (asked[field] !== pinned[field]) {
      reasons.push({ field, wanted: show(field, asked[field]), pinned: show(field, pinned[field]) })
    }
  }
  return reasons
}

const parameterNames = /* @__PURE__ */ Object.keys(parameters) as readonly (keyof MapShape)[]

function show(field: keyof MapShape, value: string | number | bigint): string {
  return field === 'flags' || field === 'mapExtra' ? `0x${value.toString(16)}` : String(value)
}

/** A reason as a person reads it: `value size 16 is pinned, the object asks for 24`. */
export function reasonText({ field, wanted, pinned }: Reason): string {
  const name = Object.hasOwn(parameters, field) ? parameters[field as keyof MapShape] : field
  return `${name} ${pinned} is pinned, the object asks for ${wanted}`
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
      return `${what} is pinned, the object has none of that name`
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
