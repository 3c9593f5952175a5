import { machineIsLittleEndian } from '../btf/byte-order.ts'
import {
  type Conversion,
  compareLayouts,
  createCodec,
  type LayoutComparison,
  parseBtf,
  type TypeAt,
  type Value,
  withMerge,
} from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { roundUp } from '../map/batches.ts'
import { shapeOf, thisMachine } from '../map/index.ts'
import type { ConversionRecord, Manifest, PinRecord } from '../plan/manifest.ts'
import type { MapTypes } from '../plan/shape.ts'
import { entryTypes } from '../spec/from-btf.ts'
import { mapInfo, systemError } from '../syscall/index.ts'
import {
  type ConvertEntry,
  type CopyOptions,
  isPerCpu,
  type LiveConversion,
  type MapSide,
} from './conversion.ts'
import { copyEntries } from './copy.ts'
import type { Generation } from './generation.ts'
import { holdsReferences, referenceTakeover } from './references.ts'
import { createSnapshot } from './snapshot.ts'
import { sweepEntries } from './sweep.ts'

/**
 * Decides what BTF cannot: what becomes of an entry in the new map; `undefined` drops it. Keys and values are decoded by the
 * types of either side, or bytes where there are none; in per-CPU maps a value is an array with one value a possible CPU.
 */
export type ConvertFunction = (
  key: Value | Uint8Array,
  value: Value | Uint8Array | readonly (Value | Uint8Array)[],
) =>
  | {
      /** Default: the old one. */
      readonly key?: Value | Uint8Array
      readonly value: Value | Uint8Array | readonly (Value | Uint8Array)[]
    }
  | undefined

/** Fields that both old and new programs count in, by path: what either adds while they are switched is added up. */
export type Merge = Readonly<Record<string, 'sum'>>

export interface TakeoverOptions extends CopyOptions {
  /** By map. */
  readonly convert?: Readonly<Record<string, ConvertFunction>>
  /** By map, and path in its value: `{ flows: { packets: 'sum' } }`. */
  readonly merge?: Readonly<Record<string, Merge>>
}

/** The entries of one map that another takes over. */
export interface Takeover {
  readonly record: ConversionRecord
  /** Makes the map that holds what was carried; its descriptor is the caller's to close. */
  snapshot(): number
  copy(snapshot: number): void
  /** Can be repeated at any time. */
  sweep(snapshot: number): void
  /** What that came to. */
  report(): Carried
}

/** What became of the entries of a map that another took over. */
export interface Carried {
  readonly map: string
  /** Entries that were copied before the switch. */
  readonly entries: number
  /** Entries that the new map did not take, as it was full. */
  readonly failed: number
  /** Was what changed meanwhile carried by a program in the kernel? Else the last writer won. */
  readonly inKernel: boolean
}

/** One side of a takeover, with what is known of its types. */
export interface TakeoverSide extends MapSide {
  readonly types: MapTypes | undefined
}

/** @throws BpfError `ERR_UNKNOWN_NAME`, `ERR_VALUE` for a field that cannot be summed. */
export function takeoverOf(
  name: string,
  old: TakeoverSide,
  next: TakeoverSide,
  options: TakeoverOptions & Pick<LiveConversion, 'mayOverflow'> = {},
): Takeover {
  const merge = options.merge && Object.hasOwn(options.merge, name) ? options.merge[name]! : {}
  const convert = options.convert && Object.hasOwn(options.convert, name) ? options.convert[name] : undefined
  if (!convert && holdsReferences(old.shape.type)) return referenceTakeover({ ...old, name }, next)
  const comparison = compareValues(old, next)
  const conversion: LiveConversion = {
    ...{ name, old, new: next },
    value: convert ? nothing(old, next) : conversionOf(name, old, next, comparison, merge),
    opaque: kernelBytes(comparison),
    convert: convert && decoded(name, convert, old, next),
    mayOverflow: options.mayOverflow ?? false,
  }
  let carried: Carried = { map: name, entries: 0, failed: 0, inKernel: false }
  return {
    record: { map: name, merge, ...(convert ? { byFunction: true as const } : {}) },
    snapshot: () => createSnapshot(conversion),
    copy(snapshot) {
      const { entries, inKernel } = copyEntries(conversion, snapshot, options)
      carried = { ...carried, entries, inKernel }
    },
    sweep(snapshot) {
      const { failed, inKernel } = sweepEntries(conversion, snapshot)
      carried = { ...carried, failed, inKernel }
    },
    report: () => carried,
  }
}

/** The same, from what two manifests say; `undefined` where a function decided that nobody has any more. */
export function recordedTakeover(
  { map, merge, byFunction }: ConversionRecord,
  old: Generation,
  current: Generation,
  open: (generation: Generation, pin: PinRecord) => number,
): Takeover | undefined {
  if (byFunction) return undefined
  const side = (generation: Generation): TakeoverSide | undefined => {
    const { manifest } = generation
    const pin = manifest.pins.find(one => one.kind === 'map' && one.name === map)
    if (!pin) return undefined
    const fd = open(generation, pin)
    const info = mapInfo(fd)
    if (typeof info === 'number') {
      const doing = `finishing what map '${map}' takes over`
      throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing })
    }
    return { fd, shape: shapeOf(info), types: typesIn(manifest, map) }
  }
  const [from, to] = [side(old), side(current)]
  return from && to && takeoverOf(map, from, to, { merge: { [map]: merge } })
}

function typesIn({ btf: bytes, pins, name }: Manifest, map: string): MapTypes | undefined {
  if (bytes.length === 0) return undefined
  const btf = parseBtf(bytes, { where: `BTF of the pinned '${name}'` })
  const names = pins.filter(({ kind, shared }) => kind === 'map' && !shared).map(pin => pin.name)
  const entry = entryTypes(btf, names).get(map)
  return entry && { btf, ...entry }
}

function valueAt({ types, shape }: TakeoverSide): TypeAt | undefined {
  return types && types.value !== 0 ? { btf: types.btf, id: types.value, size: shape.valueSize } : undefined
}

/** `undefined` where either side has no types. */
function compareValues(old: TakeoverSide, next: TakeoverSide): LayoutComparison | undefined {
  const [pinned, wanted] = [valueAt(old), valueAt(next)]
  return pinned && wanted && compareLayouts(pinned, wanted)
}

function conversionOf(
  name: string,
  old: TakeoverSide,
  next: TakeoverSide,
  comparison: LayoutComparison | undefined,
  merge: Merge,
): Conversion {
  const wanted = valueAt(next)
  if (!comparison || !wanted) return asBytes(name, old, next)
  if (comparison.conversion) return withMerge(comparison.conversion, wanted, merge)
  throw new BpfError(`map '${name}': its values cannot be converted`, { code: 'ERR_VALUE' })
}

/** Without types equal sizes are carried as they are. */
function asBytes(name: string, old: TakeoverSide, next: TakeoverSide): Conversion {
  const { valueSize: size } = next.shape
  if (old.shape.valueSize !== size) {
    throw new BpfError(`map '${name}': without types its values cannot be converted`, { code: 'ERR_VALUE' })
  }
  const copy = { op: 'bytes', from: 0, to: 0, size } as const
  return {
    ...{ fromSize: size, toSize: size, littleEndian: machineIsLittleEndian },
    ...{ pairs: [{ path: '', copy, merge: 'last' }], operations: [copy] },
  }
}

function nothing(old: TakeoverSide, next: TakeoverSide): Conversion {
  const sizes = { fromSize: old.shape.valueSize, toSize: next.shape.valueSize }
  return { ...sizes, littleEndian: machineIsLittleEndian, pairs: [], operations: [] }
}

/** Bytes of a new value that only the kernel may touch: locks, timers, kernel pointers. */
function kernelBytes(comparison: LayoutComparison | undefined): { offset: number; size: number }[] {
  return (comparison?.changes ?? []).flatMap(({ kernel, wanted: field }) =>
    kernel && field ? [{ offset: field.offset, size: field.size }] : [],
  )
}

/** Hands a user's function decoded entries, and encodes what it makes of them. */
function decoded(
  name: string,
  convert: ConvertFunction,
  old: TakeoverSide,
  next: TakeoverSide,
): ConvertEntry {
  const oldKey = codecOf(old, 'key')
  const oldValue = codecOf(old, 'value')
  const newKey = codecOf(next, 'key')
  const newValue = codecOf(next, 'value')
  return (key, value) => {
    try {
      const made = convert(oldKey.decode(key), oldValue.decode(value))
      if (made === undefined) return undefined
      const newKeyBytes = made.key === undefined ? key : newKey.encode(made.key)
      return { key: newKeyBytes, value: newValue.encode(made.value) }
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      throw new BpfError(`converting an entry of map '${name}': ${problem}`, { code: 'ERR_CONVERT', cause })
    }
  }
}

type Decoded = Value | Uint8Array | readonly (Value | Uint8Array)[]

interface EntryCodec {
  decode(bytes: Uint8Array): Decoded
  encode(value: Decoded): Uint8Array
}

function codecOf({ types, shape }: TakeoverSide, what: 'key' | 'value'): EntryCodec {
  const size = what === 'key' ? shape.keySize : shape.valueSize
  const id = types?.[what] ?? 0
  const codec = types && id !== 0 ? createCodec(types.btf, id, what) : undefined
  const one = {
    decode: (bytes: Uint8Array): Value | Uint8Array => codec?.decode(bytes) ?? bytes.slice(0, size),
    encode(value: Value | Uint8Array, bytes: Uint8Array): void {
      if (value instanceof Uint8Array) bytes.set(value.subarray(0, size))
      else if (codec) codec.encode(value, bytes)
      else throw new BpfError(`a ${what} without a type is given as bytes`, { code: 'ERR_VALUE' })
    },
  }
  if (what === 'key' || !isPerCpu(shape)) {
    return {
      decode: one.decode,
      encode(value) {
        const bytes = new Uint8Array(size)
        one.encode(value as Value | Uint8Array, bytes) // a list is one of the two, where there is one value
        return bytes
      },
    }
  }
  const stride = roundUp(size)
  const cpus = thisMachine().possibleCpus
  return {
    decode: bytes => Array.from({ length: cpus }, (_, cpu) => one.decode(bytes.subarray(cpu * stride))),
    encode(values) {
      if (!Array.isArray(values) || values.length !== cpus) {
        throw new BpfError(`a value of each of the ${cpus} possible CPUs is needed`, { code: 'ERR_VALUE' })
      }
      const bytes = new Uint8Array(cpus * stride)
      for (const [cpu, value] of values.entries()) one.encode(value, bytes.subarray(cpu * stride))
      return bytes
    },
  }
}
