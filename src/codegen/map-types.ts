import { BtfError } from '../errors.ts'
import { typesOf } from '../plan/compare.ts'
import {
  hasAddresses,
  hasKernelNumbers,
  hasSlots,
  holdsDescriptors,
  isOwned,
  isPerCpu,
} from '../plan/map-families.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import type { ValueType } from './fields.ts'
import { listOf, untypedBytes, type ValueTypes } from './value-types.ts'

/** Whatever a map takes and gives. */
const anything: ValueType = { read: 'Entry', write: 'Entry' }

const number: ValueType = { read: 'number', write: 'number' }

/** What storage belongs to is a key that is never read. */
const owner: ValueType = { read: 'number', write: 'StorageOwner' }

/** What has a descriptor goes in, the kernel's number of it comes out; of sockets, in 8 bytes, the cookie. */
const descriptors: Readonly<Record<number, ValueType>> = {
  4: { read: 'number', write: 'number | HasFd' },
  8: { read: 'bigint', write: 'bigint | number | HasFd' },
}

/** The type of a live map, with its keys and values as {@link BpfMap} reads and takes them. */
export function mapType(spec: Spec, map: MapSpec, values: ValueTypes | undefined): string {
  // its variables have types of their own
  if (map.section) return map.section.kind === 'arena' ? 'BpfMap' : 'BpfMap<number>'
  const key = keyOf(spec, map, values)
  const value = elementOf(spec, map, values)
  if (key === anything && value === anything) return 'BpfMap'
  const read = [key.read, value.read]
  const write = [key.write, value.write]
  const all = read.join() === write.join() ? read : [...read, ...write]
  return `BpfMap<${all.join(', ')}>`
}

function keyOf(spec: Spec, map: MapSpec, values: ValueTypes | undefined): ValueType {
  const { type, keySize, structOps } = map
  if (keySize === 0 || structOps) return anything
  if (isOwned(type) && keySize === 4) return owner
  const types = typesOf(spec, map)
  const key = typed(spec, types?.key, keySize, values)
  if (!key || !types) return hasSlots(map) ? number : untypedBytes
  return hasAddresses(map, types.btf, types.key) ? { ...key, write: `${key.write} | string` } : key
}

function elementOf(spec: Spec, map: MapSpec, values: ValueTypes | undefined): ValueType {
  const { type, valueSize, structOps } = map
  if (valueSize === 0 || structOps) return anything
  const descriptor = holdsDescriptors(type) ? descriptors[valueSize] : undefined
  if (descriptor) return descriptor
  const untyped = hasKernelNumbers(type) && valueSize === 4 ? number : untypedBytes
  const value = typed(spec, typesOf(spec, map)?.value, valueSize, values) ?? untyped
  if (!isPerCpu(type)) return value
  return { read: `readonly ${listOf(value.read)}`, write: `readonly ${listOf(value.write)}` }
}

/** As a codec, only where the type is as large as the map's part. */
function typed(
  spec: Spec,
  id: number | undefined,
  size: number,
  values: ValueTypes | undefined,
): ValueType | undefined {
  if (!values || !id) return undefined
  try {
    if (spec.kernelBtf?.().sizeOf(id) !== size) return undefined
    return values.of(id)
  } catch (error) {
    // a type that no codec can be made of: the map can be used for all but reading and writing it
    if (error instanceof BtfError) return anything
    throw error
  }
}
