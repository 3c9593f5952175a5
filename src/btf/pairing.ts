import { kernelPart } from './compare-shapes.ts'
import type { Field } from './layout.ts'
import { isPadding } from './padding.ts'

/** Which field of one side is which of the other. Every field of either side is in exactly one place. */
export interface Pairing {
  /** Of the same name, by the pinned one. */
  readonly both: ReadonlyMap<Field, Field>
  /** Padding by its name that changed; with both sides if it has one name. */
  readonly padding: readonly { readonly from: Field | undefined; readonly to: Field | undefined }[]
  /** One side has a struct of that name, the other something else. */
  readonly instead: readonly {
    readonly path: string
    readonly from: readonly Field[]
    readonly to: readonly Field[]
  }[]
  /** Of the same place and type, but of another name. */
  readonly renamed: ReadonlyMap<Field, Field>
  readonly dropped: readonly Field[]
  readonly added: readonly Field[]
}

/** Finds out which fields are the same, by their names. */
export function pairUp(pinned: readonly Field[], wanted: readonly Field[]): Pairing {
  const left = byName(wanted)
  const both = new Map<Field, Field>()
  const padding: { from: Field | undefined; to: Field | undefined }[] = []
  let dropped: Field[] = []
  for (const [name, from] of byName(pinned)) {
    const to = left.get(name)
    const isEmpty = isPadding(from) && (!to || isPadding(to))
    if (isEmpty && !(to && isUnchanged(from, to))) padding.push({ from, to })
    else if (to) both.set(from, to)
    else dropped.push(from)
    if (to) left.delete(name)
  }
  let added = [...left.values()]
  for (const to of added.filter(isPadding)) {
    const other = padding.find(entry => !entry.to && entry.from?.bitOffset === to.bitOffset)
    if (other) other.to = to
    else padding.push({ from: undefined, to })
  }
  added = added.filter(field => !isPadding(field))
  const instead = [...replaced(dropped, added, false), ...replaced(added, dropped, true)]
  const taken = new Set(instead.flatMap(({ from, to }) => [...from, ...to]))
  dropped = dropped.filter(field => !taken.has(field))
  added = added.filter(field => !taken.has(field))
  const renamed = renamedOf(dropped, added)
  const newNames = new Set(renamed.values())
  return {
    ...{ both, padding, instead, renamed },
    dropped: dropped.filter(field => !renamed.has(field)),
    added: added.filter(field => !newNames.has(field)),
  }
}

/** A malformed struct may have one name twice. */
function byName(fields: readonly Field[]): Map<string, Field> {
  const names = new Map<string, Field>()
  for (const field of fields) {
    let name = field.path
    for (let i = 1; names.has(name); i++) name = `${field.path} ${i}`
    names.set(name, field)
  }
  return names
}

function isUnchanged(from: Field, to: Field): boolean {
  return from.bitOffset === to.bitOffset && isSameKind(from, to)
}

/** Numbers and arrays of one side that on the other are structs of that name. */
function replaced(
  singles: readonly Field[],
  leaves: readonly Field[],
  isReversed: boolean,
): Pairing['instead'] {
  if (singles.length === 0 || leaves.length === 0) return []
  const below = new Map<string, Field[]>()
  for (const leaf of leaves) {
    for (const path of pathsAbove(leaf.path)) {
      const known = below.get(path)
      if (known) known.push(leaf)
      else below.set(path, [leaf])
    }
  }
  return singles.flatMap(single => {
    const inside = below.get(single.path)
    if (!inside) return []
    const { path } = single
    return isReversed ? { path, from: inside, to: [single] } : { path, from: [single], to: inside }
  })
}

/** `a.b.c`: `a.b`, `a` and the value itself. */
function pathsAbove(path: string): string[] {
  const names = path.split('.')
  return path === '' ? [] : names.map((_, i) => names.slice(0, i).join('.'))
}

function renamedOf(dropped: readonly Field[], added: readonly Field[]): Map<Field, Field> {
  const places = new Map<string, Field[]>()
  const placeOf = ({ bitOffset, bitSize }: Field): string => `${bitOffset}+${bitSize}`
  for (const field of added) {
    const known = places.get(placeOf(field))
    if (known) known.push(field)
    else places.set(placeOf(field), [field])
  }
  const renamed = new Map<Field, Field>()
  for (const from of dropped) {
    const there = places.get(placeOf(from)) ?? []
    const i = there.findIndex(to => isSameKind(from, to))
    if (i >= 0) renamed.set(from, there.splice(i, 1)[0]!)
  }
  return renamed
}

/** Do the bytes mean the same, names of enumerators and what pointers lead to aside? */
function isSameKind(from: Field, to: Field): boolean {
  const a = from.shape
  const b = to.shape
  if (from.bitSize !== to.bitSize || kernelPart(from) !== kernelPart(to)) return false
  if (a.kind === 'int' && b.kind === 'int') return a.signed === b.signed && a.bool === b.bool
  if (a.kind === 'enum' && b.kind === 'enum') return a.signed === b.signed
  if (a.kind === 'kernel' && b.kind === 'kernel') return a.name === b.name
  if (a.kind !== 'array' || b.kind !== 'array') return a.kind === b.kind
  if (a.count !== b.count || a.stride !== b.stride || a.fields.length !== b.fields.length) return false
  return a.fields.every((field, i) => {
    const other = b.fields[i]!
    return field.path === other.path && field.bitOffset === other.bitOffset && isSameKind(field, other)
  })
}
