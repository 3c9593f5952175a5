import { type Btf, type Codec, createCodec, type TypeId, typeName, type Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { kernelTypes } from './kernel-btf.ts'

/** A program whose context is to be made of an object. */
export interface Typed {
  readonly name: string
  /** Its type by its kernel name. */
  readonly type: string
  /** The types of the object that it is from. */
  readonly btf: Btf | undefined
}

/** The context of a program as an object: its fields, those that are not there being zero. */
export type ContextFields = { readonly [field: string]: Value }

/** What becomes of a context on its way to the kernel and back. */
export interface ContextForm {
  encode(fields: ContextFields, data: Uint8Array | undefined): Uint8Array
  /** @throws BpfError `ERR_VALUE` for a context that is no such struct. */
  decode(bytes: Uint8Array): ContextFields
}

/**
 * How the context of a program is written and read: by the struct that its function takes, or what its type has in the
 * kernel's test runs.
 *
 * @throws BpfError `ERR_UNSUPPORTED` where that is not known: the context can be given as bytes.
 */
export function contextForm(program: Typed): ContextForm {
  const { btf, type } = program
  if (type === 'raw_tracepoint' || type === 'raw_tracepoint_writable') {
    throw unknown(program, 'its context is a list of integers', 'give them in an array: [1n, 2n]')
  }
  const struct = contextStruct(program)
  if (!struct)
    throw unknown(program, btf ? `it takes ${parameterText(program, btf)}` : 'its object has no types')
  const codec = createCodec(struct.btf, struct.id, 'context', { missing: 'zero' })
  return {
    encode(fields, data) {
      const bytes = new Uint8Array(codec.size)
      codec.encode(type === 'xdp' ? { data_end: data?.length ?? 0, ...fields } : fields, bytes)
      return bytes
    },
    decode: bytes => fieldsOf(codec, bytes),
  }
}

/** A kernel that is older than the object's header has less of the struct, a newer one more. */
function fieldsOf(codec: Codec, bytes: Uint8Array): ContextFields {
  const whole = new Uint8Array(codec.size)
  whole.set(bytes.subarray(0, codec.size))
  // the codec of a struct or union makes objects
  return codec.decode(whole) as ContextFields
}

/** Where a struct is described. */
interface Struct {
  readonly btf: Btf
  readonly id: TypeId
}

/**
 * The struct that a program's function takes. A program that dissects flows is written to see packets, and run on what it is to
 * fill in (net/bpf/test_run.c).
 */
function contextStruct({ name, type, btf }: Typed): Struct | undefined {
  if (type === 'flow_dissector') return kernelStruct('bpf_flow_keys')
  const parameter = btf && parameterOf(btf, name)
  const pointer = parameter ? btf.resolve(parameter) : undefined
  if (!btf || pointer?.kind !== 'ptr') return undefined
  const { kind, id } = btf.resolve(pointer.type)
  return kind === 'struct' || kind === 'union' ? { btf, id } : undefined
}

/** Of what a program does not look into itself its object has no fields. */
function kernelStruct(name: string): Struct | undefined {
  const btf = kernelTypes()
  const struct = btf.find(name, 'struct')
  return struct && { btf, id: struct.id }
}

/** The type of the first parameter of a program's function; equal names of static ones have a number behind them. */
function parameterOf(btf: Btf, program: string): TypeId | undefined {
  const fn = btf.find(program.replace(/~\d+$/, ''), 'func')
  const prototype = fn && btf.type(fn.type)
  return prototype?.kind === 'func_proto' ? prototype.params[0]?.type : undefined
}

function parameterText({ name }: Typed, btf: Btf): string {
  const parameter = parameterOf(btf, name)
  return parameter === undefined ? 'nothing that its types tell of' : typeName(btf, parameter)
}

function unknown({ name, type }: Typed, why: string, hint = 'give it as bytes (a Uint8Array)'): BpfError {
  return new BpfError(`the context of program '${name}' (${type}) cannot be made of an object: ${why}`, {
    code: 'ERR_UNSUPPORTED',
    hint,
  })
}

/** Arguments of a raw tracepoint, as registers have them. */
export function argumentBytes(values: readonly unknown[]): Uint8Array {
  const words = values.map((value, i) => {
    if (typeof value === 'bigint') return value
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
    throw new BpfError(`context[${i}]: ${String(value)} is no integer`, { code: 'ERR_VALUE' })
  })
  // what does not fit 64 bits is cut, so that negative numbers are what C makes of them
  return new Uint8Array(new BigUint64Array(words).buffer)
}
