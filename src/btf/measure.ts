import { BtfError } from '../errors.ts'
import type { Records } from './records.ts'
import type { TypeId } from './types.ts'

/** How many types one value may lead through: kernel/bpf/btf.c, MAX_RESOLVE_DEPTH. */
export const depthLimit = 32

/** Bytes that a type can have at most: the kernel keeps sizes in a u32. */
const sizeLimit = 0xffffffff

/** Pointers of BPF programs and of 64-bit kernels. */
export const pointerSize = 8

/** The widest scalar that has its own alignment, `__int128`. */
const alignLimit = 16

// kind numbers, for the inner loops
const INT = 1
const PTR = 2
const ARRAY = 3
const STRUCT = 4
const UNION = 5
const ENUM = 6
const TYPEDEF = 8
const RESTRICT = 11
const VAR = 14
const DATASEC = 15
const FLOAT = 16
const TYPE_TAG = 18
const ENUM64 = 19

/** Why {@link measure} has no size to give. */
const faults = {
  noSize: -1,
  tooLarge: -2,
  tooDeep: -3,
  noType: -4,
} as const

function isModifier(kind: number): boolean {
  return (kind >= TYPEDEF && kind <= RESTRICT) || kind === TYPE_TAG
}

/**
 * The type behind typedefs, const, volatile, restrict and type tags.
 *
 * @throws BtfError for a chain of more than 32, which includes every cycle, and for one that leaves the blob.
 */
export function resolve(records: Records, id: TypeId): TypeId {
  let at = id
  for (let depth = 0; depth <= depthLimit; depth++) {
    if (!records.has(at)) {
      throw new BtfError(records.place(id), `leads to type ${at}, but the ids end at ${records.count}`)
    }
    if (!isModifier(records.kindNumber(at))) return at
    at = records.sizeOrType(at)
  }
  throw new BtfError(records.place(id), chainProblem(records, id))
}

function chainProblem(records: Records, id: TypeId): string {
  const seen = new Set<TypeId>()
  for (let at = id; records.has(at) && isModifier(records.kindNumber(at)); at = records.sizeOrType(at)) {
    if (seen.has(at)) return `is a chain of modifiers that comes back to type ${at}`
    seen.add(at)
  }
  return `is a chain of more than ${depthLimit} modifiers`
}

/** Bytes of a value of the type, or one of the negative {@link faults}. */
function measure(records: Records, id: TypeId): number {
  let at = id
  let times = 1
  for (let depth = 0; depth <= depthLimit; depth++) {
    if (!records.has(at)) return faults.noType
    const kind = records.kindNumber(at)
    if (kind === ARRAY) {
      times *= records.word(at, 5)
      // a length of 0 makes the size 0 whatever follows, but the element must still have one
      if (times > sizeLimit) return faults.tooLarge
      at = records.word(at, 3)
    } else if (isModifier(kind) || kind === VAR) {
      at = records.sizeOrType(at)
    } else {
      const size = ownSize(records, at, kind)
      return size * times > sizeLimit ? faults.tooLarge : size < 0 ? size : size * times
    }
  }
  return faults.tooDeep
}

function ownSize(records: Records, id: TypeId, kind: number): number {
  switch (kind) {
    case PTR:
      return pointerSize
    case INT:
    case STRUCT:
    case UNION:
    case ENUM:
    case DATASEC:
    case FLOAT:
    case ENUM64:
      return records.sizeOrType(id)
    default:
      return faults.noSize
  }
}

/**
 * Bytes of a value of the type.
 *
 * @param where - What an error names: the place that asks.
 * @throws BtfError for a type without size (void, a function, a forward declaration), an array over 4 GiB, a chain
 * deeper than 32 or one that leaves the blob.
 */
export function sizeOf(records: Records, id: TypeId, where?: string): number {
  const size = measure(records, id)
  if (size >= 0) return size
  throw new BtfError(where ?? records.place(id), sizeProblem(records, id, size))
}

/** Bytes of a value of the type, `undefined` where it has none. */
export function sizeIfAny(records: Records, id: TypeId): number | undefined {
  const size = measure(records, id)
  return size >= 0 ? size : undefined
}

function sizeProblem(records: Records, id: TypeId, fault: number): string {
  switch (fault) {
    case faults.noSize:
      return `type ${id} (${records.kind(id)}) has no size`
    case faults.tooLarge:
      return `type ${id} is larger than 4 GiB`
    case faults.tooDeep:
      return `type ${id} leads through more than ${depthLimit} types before its size is known`
    default:
      return `type ${id} leads out of the blob, whose ids end at ${records.count}`
  }
}

/**
 * Bytes to which a value of the type is aligned, as far as BTF tells: it does not record `packed` and `aligned(N)`, so
 * a struct whose members do not lie where their own alignment would put them counts as packed (1).
 *
 * @throws BtfError as {@link sizeOf}, and for a struct that holds itself.
 */
export function alignOf(records: Records, id: TypeId, known: Map<TypeId, number>, depth = 0): number {
  const ready = known.get(id)
  if (ready !== undefined) return ready
  if (depth > depthLimit) {
    throw new BtfError(records.place(id), `holds itself, or is nested more than ${depthLimit} deep`)
  }
  const align = alignOfKind(records, id, known, depth)
  known.set(id, align)
  return align
}

function alignOfKind(records: Records, id: TypeId, known: Map<TypeId, number>, depth: number): number {
  if (!records.has(id)) {
    throw new BtfError(records.place(id), `does not exist; the ids end at ${records.count}`)
  }
  const kind = records.kindNumber(id)
  if (isModifier(kind) || kind === VAR) return alignOf(records, records.sizeOrType(id), known, depth + 1)
  if (kind === ARRAY) return alignOf(records, records.word(id, 3), known, depth + 1)
  if (kind === STRUCT || kind === UNION) return alignOfMembers(records, id, known, depth)
  if (kind === DATASEC) return 1
  const size = sizeOf(records, id)
  return Math.min(Math.max(size & -size, 1), alignLimit)
}

function alignOfMembers(records: Records, id: TypeId, known: Map<TypeId, number>, depth: number): number {
  const flag = records.kindFlag(id)
  let align = 1
  for (let i = 0; i < records.vlen(id); i++) {
    const own = alignOf(records, records.word(id, 4 + 3 * i), known, depth + 1)
    const offset = records.word(id, 5 + 3 * i)
    const isBitfield = flag && offset >>> 24 !== 0
    if (!isBitfield && (flag ? offset & 0xffffff : offset) % (8 * own) !== 0) return 1
    align = Math.max(align, own)
  }
  return records.sizeOrType(id) % align === 0 ? align : 1
}
