import {
  type Btf,
  type Codec,
  createCodec,
  didYouMean,
  type FlexibleEnd,
  flexibleEnd,
  type TypeId,
  type Value,
} from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { BpfMap } from './map.ts'
import type { RecordRing } from './record-ring.ts'

/** What the records of a buffer are: the name of a struct, or what says it of each record by its first bytes. */
export type EventType = string | ((bytes: Uint8Array) => string)

/** Makes a value of the record that a ring stands at. */
export type Decode = (ring: RecordRing) => Value

/**
 * @throws BpfError `ERR_UNKNOWN_NAME` where the object's BTF has no such type, `ERR_UNSUPPORTED` where there is no BTF.
 */
export function eventDecoder(map: BpfMap, type: EventType | undefined): Decode {
  if (type === undefined) return ({ bytes, offset, length }) => bytes.slice(offset, offset + length)
  if (typeof type === 'string') {
    const record = recordType(map, type)
    return ring => decodeRecord(map, record, ring)
  }
  if (typeof type !== 'function') {
    throw new BpfError(`the type of events is a name or a function, not ${String(type)}`, {
      code: 'ERR_VALUE',
    })
  }
  const records = new Map<string, RecordType>()
  return ring => {
    const name = type(ring.bytes.subarray(ring.offset, ring.offset + ring.length))
    let record = records.get(name)
    if (!record) records.set(name, (record = recordType(map, name)))
    return decodeRecord(map, record, ring)
  }
}

/** What records are decoded by. */
interface RecordType {
  readonly name: string
  readonly codec: Codec
  /** The last member, where it takes what there is behind it. */
  readonly end: FlexibleEnd | undefined
  /** Bytes that every record has. */
  readonly least: number
}

function recordType(map: BpfMap, name: string): RecordType {
  const { btf, id } = typeNamed(map, name)
  const codec = createCodec(btf, id, name)
  const end = flexibleEnd(btf, id)
  return { name, codec, end, least: end?.offset ?? codec.size }
}

/** Programs may write more than the type says, but not less. */
function decodeRecord(map: BpfMap, { name, codec, end, least }: RecordType, ring: RecordRing): Value {
  const { view, offset, length } = ring
  if (length < least) {
    throw new BpfError(
      `a record of '${map.name}' has ${length} bytes, and '${name}', which it was to be, has ${least}`,
      { code: 'ERR_VALUE' },
    )
  }
  if (!end) return codec.decode(view, offset)
  // what ends within the padding of its type has fewer bytes than that
  const value = length < codec.size ? codec.decode(widened(ring, codec.size)) : codec.decode(view, offset)
  // an object of our own, with all members of a struct
  ;(value as Record<string, Value>)[end.name] = end.decode(view, offset + end.offset, length - end.offset)
  return value
}

function widened({ bytes, offset, length }: RecordRing, size: number): Uint8Array {
  const wide = new Uint8Array(size)
  wide.set(bytes.subarray(offset, offset + length))
  return wide
}

/** The codec of a named type: a struct, or whatever else has values. */
export function eventCodec(map: BpfMap, name: string): Codec {
  const { btf, id } = typeNamed(map, name)
  return createCodec(btf, id, name)
}

function typeNamed(map: BpfMap, name: string): { readonly btf: Btf; readonly id: TypeId } {
  const btf = map.types?.btf
  if (!btf) {
    throw new BpfError(`the types of '${map.name}' are not known, '${name}' among them`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'read it as bytes (without type); openObject() and openPinned() know the types of an object',
    })
  }
  for (const kind of ['struct', 'union', 'typedef', 'enum', 'enum64', 'int'] as const) {
    const type = btf.find(name, kind)
    if (type) return { btf, id: type.id }
  }
  const structs = [...btf].flatMap(type => (type.kind === 'struct' && type.name !== '' ? [type.name] : []))
  throw new BpfError(`the object has no type '${name}'${didYouMean(name, structs)}`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: `the compiler keeps only types that something global has: const struct ${name} *unused_${name} __attribute__((unused));`,
  })
}
