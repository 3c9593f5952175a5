import type { Btf, BtfComposite, BtfMember, TypeId } from '../btf/index.ts'
import { typeName } from '../btf/index.ts'
import { BtfError } from '../errors.ts'
import { emptyMap, kernelNameOf } from './empty-map.ts'
import { type MapType, mapTypeName, mapTypes } from './kernel.ts'
import type { MapSpec, SlotSpec } from './types.ts'

/** A map under construction: everything may still be written. */
export type Definition = { -readonly [K in keyof Omit<MapSpec, 'slots'>]: MapSpec[K] } & { slots: SlotSpec[] }

/** Where a definition comes from, for the fields that need it and for errors. */
interface Context {
  readonly btf: Btf
  readonly map: Definition
  readonly isInner: boolean
  readonly last: BtfMember | undefined
  /** Sizes seen so far: they can be said twice, by `key` and by `key_size`. */
  readonly said: Partial<Record<'key' | 'value', number>>
}

/** The definitions of an object's maps. Maps that are defined by one type are read once. */
export class MapDefinitions {
  readonly #btf: Btf
  readonly #read = new Map<TypeId, Definition>()

  constructor(btf: Btf) {
    this.#btf = btf
  }

  /**
   * @param type of the variable that defines the map
   * @throws BtfError as {@link parseMapDefinition}, and for what is no struct.
   */
  read(type: TypeId, name: string): Definition {
    const known = this.#read.get(type)
    if (known) return { ...known, name, kernelName: kernelNameOf(name) }
    const struct = this.#btf.resolve(type)
    if (struct.kind !== 'struct') {
      const got = typeName(this.#btf, type)
      throw new BtfError(`.maps/${name}`, `expected a struct that defines a map, got ${got}`)
    }
    const map = parseMapDefinition(this.#btf, struct, name)
    // an inner map has a name of its own
    if (!map.inner) this.#read.set(type, map)
    return map
  }
}

/**
 * Reads the definition of one map: a struct whose members say each a parameter by their type, as the macros of
 * bpf_helpers.h make it. `__uint(max_entries, 64)` is `int (*max_entries)[64]`, `__type(key, u32)` is `u32 *key`,
 * `__array(values, struct inner)` is `struct inner *values[]`.
 *
 * @throws BtfError with the map and the field, for a field that is unknown, malformed or contradicts another.
 */
export function parseMapDefinition(
  btf: Btf,
  struct: BtfComposite,
  name: string,
  isInner = false,
): Definition {
  const map = emptyMap(name)
  const context: Context = { btf, map, isInner, last: struct.members.at(-1), said: {} }
  struct.members.forEach((member, i) => {
    const read = Object.hasOwn(fields, member.name) ? fields[member.name] : undefined
    if (!read) throw fieldError(map, member.name || `member[${i}]`, unknownField(member.name))
    read(member, context)
  })
  if (map.type === 'unspec')
    throw fieldError(map, 'type', 'is missing: every map needs __uint(type, BPF_MAP_TYPE_...)')
  const size = Object.hasOwn(valueSizes, map.type) ? valueSizes[map.type] : undefined
  if (size !== undefined && map.valueType !== 0) map.valueSize = size
  return map
}

/**
 * What the kernel takes for the size of a value where a record has none: there `__type(value, struct event)` says what the records are, to
 * those who read them (kernel/bpf/ringbuf.c: ringbuf_map_alloc; kernel/bpf/arraymap.c: fd_array_map_alloc_check).
 */
const valueSizes: Readonly<Record<string, number>> = { ringbuf: 0, user_ringbuf: 0, perf_event_array: 4 }

/** One reader a field: this table is the list of what a definition can say. */
const fields: Readonly<Record<string, (member: BtfMember, context: Context) => void>> = {
  type(member, context) {
    const number = readUint(member, context)
    const name = mapTypeName(number)
    if (number === 0 || !(name in mapTypes)) {
      throw fieldError(context.map, 'type', `${number} is not a map type that this version knows`)
    }
    // the line above checked that the name is a key of the table
    context.map.type = name as MapType
  },
  max_entries(member, context) {
    context.map.maxEntries = readUint(member, context)
  },
  map_flags(member, context) {
    context.map.flags = readUint(member, context)
  },
  numa_node(member, context) {
    // the kernel looks at the node only if map_flags has BPF_F_NUMA_NODE; that stays the author's to say
    context.map.numaNode = readUint(member, context)
  },
  map_extra(member, context) {
    context.map.mapExtra = readUlong(member, context)
  },
  key_size(member, context) {
    context.map.keySize = agree(context, 'key', member.name, readUint(member, context))
  },
  key(member, context) {
    context.map.keyType = pointee(member, context)
    context.map.keySize = agree(context, 'key', member.name, context.btf.sizeOf(context.map.keyType))
  },
  value_size(member, context) {
    context.map.valueSize = agree(context, 'value', member.name, readUint(member, context))
  },
  value(member, context) {
    context.map.valueType = pointee(member, context)
    context.map.valueSize = agree(context, 'value', member.name, context.btf.sizeOf(context.map.valueType))
  },
  values: readValues,
  pinning(member, context) {
    const pinning = readUint(member, context)
    if (context.isInner) throw fieldError(context.map, 'pinning', 'an inner map cannot be pinned by name')
    if (pinning > 1)
      throw fieldError(context.map, 'pinning', `${pinning} is neither LIBBPF_PIN_NONE nor LIBBPF_PIN_BY_NAME`)
    context.map.pinByName = pinning === 1
  },
}

/** `__array(values, ...)`: the inner map of a map-in-map, or the signature of a program array's programs. */
function readValues(member: BtfMember, context: Context): void {
  const { btf, map } = context
  const holdsMaps = map.type === 'array_of_maps' || map.type === 'hash_of_maps'
  if (!holdsMaps && map.type !== 'prog_array') {
    throw fieldError(
      map,
      'values',
      `only maps of maps and program arrays have values, this is ${quotedType(map)}`,
    )
  }
  if (context.isInner) throw fieldError(map, 'values', 'maps nest only one level deep')
  if (member !== context.last) throw fieldError(map, 'values', 'must be the last member')
  map.valueSize = agree(context, 'value', 'values', 4)
  const array = btf.type(member.type)
  if (array.kind !== 'array' || array.length !== 0) {
    throw fieldError(map, 'values', `expected an array without length, got ${typeName(btf, member.type)}`)
  }
  const pointer = btf.resolve(array.elementType)
  const held = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : undefined
  if (map.type === 'prog_array') {
    if (held?.kind !== 'func_proto') {
      throw fieldError(
        map,
        'values',
        `expected pointers to functions, got ${typeName(btf, array.elementType)}`,
      )
    }
    return
  }
  if (held?.kind !== 'struct') {
    throw fieldError(
      map,
      'values',
      `expected pointers to a map definition, got ${typeName(btf, array.elementType)}`,
    )
  }
  map.inner = parseMapDefinition(btf, held, `${map.name}.inner`, true)
}

/** `key` and `key_size` (and so for values) may both be there when they say the same. */
function agree(context: Context, part: 'key' | 'value', field: string, size: number): number {
  const before = context.said[part]
  if (before !== undefined && before !== size) {
    throw fieldError(context.map, field, `says ${size} bytes, another field of this map said ${before}`)
  }
  context.said[part] = size
  return size
}

function readUint(member: BtfMember, context: Context): number {
  const { btf } = context
  const array = pointee(member, context)
  if (btf.kindOf(array) !== 'array') throw notA(member, context, 'an integer by __uint()')
  // only the length: `__uint(max_entries, 1 << 30)` is an array larger than any value can be
  return btf.records.word(array, 5)
}

/** `__ulong(map_extra, N)` is an anonymous enum of one value; `__uint` works too. */
function readUlong(member: BtfMember, context: Context): number | bigint {
  const type = context.btf.resolve(member.type)
  if (type.kind === 'ptr') return readUint(member, context)
  const only = type.kind === 'enum' || type.kind === 'enum64' ? type.values[0] : undefined
  if (!only || (type.kind !== 'enum' && type.kind !== 'enum64') || type.values.length !== 1) {
    throw notA(member, context, 'an integer by __uint() or __ulong()')
  }
  const unsigned = BigInt.asUintN(64, BigInt(only.value))
  return unsigned <= Number.MAX_SAFE_INTEGER ? Number(unsigned) : unsigned
}

function pointee(member: BtfMember, context: Context): number {
  const { btf } = context
  const pointer = btf.resolveId(member.type)
  if (btf.kindOf(pointer) !== 'ptr')
    throw notA(member, context, 'a pointer, as __uint() and __type() make it')
  btf.checkOne(pointer)
  return btf.records.sizeOrType(pointer)
}

function notA(member: BtfMember, { btf, map }: Context, wanted: string): BtfError {
  return fieldError(map, member.name, `expected ${wanted}, got ${typeName(btf, member.type)}`)
}

function unknownField(name: string): string {
  if (!name) return 'a map definition has no anonymous members'
  return `is not a field of a map definition; known are ${Object.keys(fields).join(', ')}`
}

function quotedType(map: Definition): string {
  return map.type === 'unspec' ? "without a type (put 'type' first)" : `of type ${map.type}`
}

function fieldError(map: { readonly name: string }, field: string, problem: string): BtfError {
  return new BtfError(`.maps/${map.name}.${field}`, problem)
}
