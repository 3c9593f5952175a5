import { type Codec, createCodec, didYouMean, type Value } from '../btf/index.ts'
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
    const codec = eventCodec(map, type)
    return ring => decodeRecord(map, codec, type, ring)
  }
  if (typeof type !== 'function') {
    throw new BpfError(`the type of events is a name or a function, not ${String(type)}`, {
      code: 'ERR_VALUE',
    })
  }
  const codecs = new Map<string, Codec>()
  return ring => {
    const name = type(ring.bytes.subarray(ring.offset, ring.offset + ring.length))
    let codec = codecs.get(name)
    if (!codec) codecs.set(name, (codec = eventCodec(map, name)))
    return decodeRecord(map, codec, name, ring)
  }
}

/** Programs may write more than the type says, as an array at the end, but not less. */
function decodeRecord(map: BpfMap, codec: Codec, type: string, { view, offset, length }: RecordRing): Value {
  if (length >= codec.size) return codec.decode(view, offset)
  throw new BpfError(
    `a record of '${map.name}' has ${length} bytes, and '${type}', which it was to be, has ${codec.size}`,
    { code: 'ERR_VALUE' },
  )
}

/** The codec of a named type: a struct, or whatever else has values. */
export function eventCodec(map: BpfMap, name: string): Codec {
  const btf = map.types?.btf
  if (!btf) {
    throw new BpfError(`the types of '${map.name}' are not known, '${name}' among them`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'read it as bytes (without type); openObject() and openPinned() know the types of an object',
    })
  }
  for (const kind of ['struct', 'union', 'typedef', 'enum', 'enum64', 'int'] as const) {
    const type = btf.find(name, kind)
    if (type) return createCodec(btf, type.id, name)
  }
  const structs = [...btf].flatMap(type => (type.kind === 'struct' && type.name !== '' ? [type.name] : []))
  throw new BpfError(`the object has no type '${name}'${didYouMean(name, structs)}`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: `the compiler keeps only types that something global has: const struct ${name} *unused_${name} __attribute__((unused));`,
  })
}
