import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { createCodec, type TypeId, type Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import {
  hasAddresses,
  hasKernelNumbers,
  hasSlots,
  holdsDescriptors,
  isOwned,
  isPerCpu,
  prefixLengthSize,
} from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import { parsePrefix, prefixText } from './address-prefix.ts'
import { entrySize, roundUp } from './batches.ts'
import type { Entry, MapTypes } from './types.ts'

/** What makes values of the bytes in a view: a codec of BTF, or one of those below. */
interface EntryCodec {
  decode(view: DataView, at: number): Value
  encode(value: Value, view: DataView, at: number): void
}

/** Keys and values of one map, from memory to JavaScript and back. Compiled once a map. */
export class EntryCodecs {
  readonly keySize: number
  /** Bytes of the values of all CPUs, in per-CPU maps. */
  readonly valueSize: number
  readonly #name: string
  readonly #key: EntryCodec | undefined
  readonly #hasPrefixes: boolean
  readonly #value: EntryCodec | undefined
  /** Bytes of one CPU's value, and from one to the next; the latter 0 in maps that are not per CPU. */
  readonly #size: number
  readonly #stride: number

  constructor(name: string, shape: MapShape, types: MapTypes | undefined) {
    const { type, keySize, valueSize } = shape
    this.#name = name
    this.keySize = keySize
    this.valueSize = entrySize(shape)
    this.#size = valueSize
    this.#stride = isPerCpu(type) ? roundUp(valueSize) : 0
    this.#hasPrefixes = types !== undefined && hasAddresses(shape, types.btf, types.key)
    this.#key = keyCodec(shape, types)
    this.#value = valueCodec(shape, types)
  }

  putKey(key: Entry, view: DataView, at: number): void {
    if (this.#hasPrefixes && typeof key === 'string') putPrefix(key, view, at, this.keySize)
    else this.#put(key, this.#key, view, at, this.keySize, 'key')
  }

  putValue(value: Entry, view: DataView, at: number): void {
    if (this.#stride === 0) this.#put(value, this.#value, view, at, this.#size, 'value')
    else this.#putEachCpu(value, view, at)
  }

  /** A key as text, where keys are prefixes of addresses. */
  keyText(key: Entry): string | undefined {
    if (!this.#hasPrefixes) return undefined
    const view = new DataView(new ArrayBuffer(this.keySize))
    this.putKey(key, view, 0)
    return prefixText({
      address: bytesAt(view, prefixLengthSize, this.keySize - prefixLengthSize),
      length: view.getUint32(0, machineIsLittleEndian),
    })
  }

  takeKey(view: DataView, at: number): Entry {
    return this.#key ? this.#key.decode(view, at) : bytesAt(view, at, this.keySize).slice()
  }

  takeValue(view: DataView, at: number): Entry {
    if (this.#stride === 0) return this.#take(view, at)
    const values = new Array<Value | Uint8Array>(this.valueSize / this.#stride)
    for (let cpu = 0; cpu < values.length; cpu++) values[cpu] = this.#take(view, at + cpu * this.#stride)
    return values
  }

  #take(view: DataView, at: number): Value | Uint8Array {
    return this.#value ? this.#value.decode(view, at) : bytesAt(view, at, this.#size).slice()
  }

  #putEachCpu(value: Entry, view: DataView, at: number): void {
    const cpus = this.valueSize / this.#stride
    if (value instanceof Uint8Array && value.length === this.valueSize) {
      bytesAt(view, at, this.valueSize).set(value)
      return
    }
    if (!Array.isArray(value) || value.length !== cpus) {
      throw this.#misfit('value', `an array with the values of ${cpus} CPUs`)
    }
    bytesAt(view, at, this.valueSize).fill(0)
    for (let cpu = 0; cpu < cpus; cpu++) {
      this.#put(value[cpu], this.#value, view, at + cpu * this.#stride, this.#size, 'value')
    }
  }

  #put(
    entry: Entry | undefined,
    codec: EntryCodec | undefined,
    view: DataView,
    at: number,
    size: number,
    part: 'key' | 'value',
  ): void {
    // a map without keys takes anything for one
    if (size === 0) return
    if (entry instanceof Uint8Array) {
      if (entry.length !== size) throw this.#misfit(part, `${size} bytes, got ${entry.length}`)
      bytesAt(view, at, size).set(entry)
    } else if (codec) {
      // what has a descriptor is for codecs that take one; to the others it is an object with a field
      codec.encode(entry as Value, view, at)
    } else {
      throw this.#misfit(part, `${size} bytes as a Uint8Array: its type is not known`)
    }
  }

  #misfit(part: string, wanted: string): BpfError {
    return new BpfError(`a ${part} of map '${this.#name}' is ${wanted}`, { code: 'ERR_VALUE' })
  }
}

function bytesAt(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size)
}

function putPrefix(text: string, view: DataView, at: number, keySize: number): void {
  const { address, length } = parsePrefix(text, keySize - prefixLengthSize)
  view.setUint32(at, length, machineIsLittleEndian)
  bytesAt(view, at + prefixLengthSize, address.length).set(address)
}

function keyCodec(shape: MapShape, types: MapTypes | undefined): EntryCodec | undefined {
  const { type, keySize } = shape
  if (isOwned(type) && keySize === 4) return descriptorCodec(4, 'what it belongs to', true)
  return (
    codecOf(types, types?.key, keySize, 'key') ??
    (hasSlots(shape) ? numberCodec('the index of a slot') : undefined)
  )
}

function valueCodec({ type, valueSize }: MapShape, types: MapTypes | undefined): EntryCodec | undefined {
  if (holdsDescriptors(type) && (valueSize === 4 || valueSize === 8)) {
    return descriptorCodec(valueSize, `what is put into a map of type ${type}`, false)
  }
  const typed = codecOf(types, types?.value, valueSize, 'value')
  return typed ?? (hasKernelNumbers(type) && valueSize === 4 ? numberCodec('a number') : undefined)
}

/** A codec only where the type is as large as the map's part: anything else was not made for this map. */
function codecOf(
  types: MapTypes | undefined,
  id: TypeId | undefined,
  size: number,
  what: 'key' | 'value',
): EntryCodec | undefined {
  if (!types || !id || size === 0) return undefined
  const codec = createCodec(types.btf, id, what)
  return codec.size === size ? codec : undefined
}

function numberCodec(what: string): EntryCodec {
  return {
    decode: (view, at) => view.getUint32(at, machineIsLittleEndian),
    encode(value, view, at) {
      const index = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN
      if (!Number.isInteger(index) || index < 0 || index > 0xffffffff) {
        throw new BpfError(`${shown(value)} is not ${what}`, { code: 'ERR_VALUE' })
      }
      view.setUint32(at, index, machineIsLittleEndian)
    },
  }
}

/** Descriptors go in; what comes out is the kernel's number of what is there (an id), in 8 bytes the cookie of a socket. */
function descriptorCodec(size: 4 | 8, what: string, isKey: boolean): EntryCodec {
  return {
    decode: (view, at) =>
      size === 4 ? view.getUint32(at, machineIsLittleEndian) : view.getBigUint64(at, machineIsLittleEndian),
    encode(value, view, at) {
      const fd = descriptorIn(value)
      if (fd === undefined) {
        const more = isKey ? ', { pid } or { path }' : ''
        throw new BpfError(
          `${shown(value)} is not ${what}: give a descriptor, what has one ({ fd })${more}`,
          {
            code: 'ERR_VALUE',
          },
        )
      }
      if (size === 4) view.setInt32(at, fd, machineIsLittleEndian)
      else view.setBigInt64(at, BigInt(fd), machineIsLittleEndian)
    },
  }
}

function descriptorIn(value: unknown): number | undefined {
  const given = typeof value === 'object' && value !== null && 'fd' in value ? value.fd : value
  const fd = typeof given === 'bigint' ? Number(given) : given
  return typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 && fd <= 0x7fffffff ? fd : undefined
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
