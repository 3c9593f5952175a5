import { Misfit, rethrowWithin, shown } from './misfit.ts'
import { didYouMean } from './near.ts'
import type { Part, Value } from './value.ts'

/** A named member of an object, where it lies. */
export interface Slot {
  readonly kind: 'slot'
  readonly name: string
  /** Bytes from the start of the object. */
  readonly offset: number
  /** Bytes; a member without any need not be given. */
  readonly size: number
  readonly part: Part
}

/** The members of a struct (all of them are needed) or of a union (one is). */
export interface Group {
  readonly kind: 'all' | 'any'
  /** Of a union: where its bytes are. */
  readonly offset: number
  readonly size: number
  readonly items: readonly (Slot | Group)[]
}

type Fields = { readonly [name: string]: Value }

/**
 * A struct, union or data section. Its anonymous members are groups inside its own, so that their rules hold: a union
 * takes any number of its members but one at least, and if there are several they must agree on the bytes they share.
 * So what was decoded can be encoded again, and a union can be written by one member.
 */
export function objectPart(group: Group): Part {
  const slots = slotsOf(group)
  const names: ReadonlySet<string> = new Set(slots.map(slot => slot.name))
  const put = names.has('__proto__') ? defineField : setField
  return {
    decode(view, at) {
      const value: Record<string, Value> = {}
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!
        put(value, slot.name, slot.part.decode(view, at + slot.offset))
      }
      return value
    },
    encode(value, view, at) {
      const fields = asFields(value, names)
      encodeGroup(group, fields, view, at)
    },
    isScalar: false,
    weight: slots.reduce((sum, slot) => sum + slot.part.weight, 1),
  }
}

function setField(fields: Record<string, Value>, name: string, value: Value): void {
  fields[name] = value
}

/** C allows a member called `__proto__`, and assigning to that would change what the object is. */
function defineField(fields: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true })
}

function slotsOf(group: Group): Slot[] {
  return group.items.flatMap(item => (item.kind === 'slot' ? [item] : slotsOf(item)))
}

function asFields(value: Value, names: ReadonlySet<string>): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Misfit(`${shown(value)} is not an object with the fields ${[...names].join(', ')}`)
  }
  for (const name of Object.keys(value)) {
    if (!names.has(name))
      throw new Misfit(`there is no field '${name}'${didYouMean(name, names)}`, 'ERR_UNKNOWN_NAME')
  }
  // neither of the other objects that a Value can be, checked above
  return value as Fields
}

function encodeGroup(group: Group, fields: Fields, view: DataView, at: number): void {
  if (group.kind === 'any') encodeUnion(group, fields, view, at)
  else for (const item of group.items) encodeItem(item, fields, view, at)
}

function encodeItem(item: Slot | Group, fields: Fields, view: DataView, at: number): void {
  if (item.kind === 'slot') encodeSlot(item, fields, view, at)
  else encodeGroup(item, fields, view, at)
}

function encodeSlot({ name, size, offset, part }: Slot, fields: Fields, view: DataView, at: number): void {
  if (!Object.hasOwn(fields, name)) {
    if (size === 0) return
    throw new Misfit('is missing').within(`.${name}`)
  }
  try {
    part.encode(fields[name]!, view, at + offset)
  } catch (error) {
    rethrowWithin(error, `.${name}`)
  }
}

function encodeUnion(union: Group, fields: Fields, view: DataView, at: number): void {
  const given = union.items.filter(item => isGiven(item, fields))
  if (given.length === 0 && union.size > 0) {
    const names = slotsOf(union).map(slot => slot.name)
    if (names.length === 0) return
    throw new Misfit(`no member of the union is given, which has ${names.join(', ')}`)
  }
  for (const item of given) encodeItem(item, fields, view, at)
  if (given.length > 1) checkAgreement(union, given, fields, view, at)
}

function isGiven(item: Slot | Group, fields: Fields): boolean {
  return item.kind === 'slot'
    ? Object.hasOwn(fields, item.name)
    : item.items.some(inner => isGiven(inner, fields))
}

/** Writing a member again must change nothing: else a later one has said otherwise. */
function checkAgreement(
  union: Group,
  given: readonly (Slot | Group)[],
  fields: Fields,
  view: DataView,
  at: number,
): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + union.offset, union.size)
  const agreed = bytes.slice()
  for (const item of given) {
    encodeItem(item, fields, view, at)
    if (bytes.every((byte, i) => byte === agreed[i])) continue
    const names = given.flatMap(other =>
      other.kind === 'slot' ? [other.name] : slotsOf(other).map(slot => slot.name),
    )
    throw new Misfit(`the members ${names.join(', ')} of a union say different things; give one of them`)
  }
}
