import { BtfError } from '../errors.ts'
import { typesOf } from '../plan/compare.ts'
import { hasSlots, isPerCpu } from '../plan/map-families.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import type { ValueType } from './fields.ts'
import { listOf, untypedBytes, type ValueTypes } from './value-types.ts'

/** Whatever a map takes and gives. */
const anything: ValueType = { read: 'Entry', write: 'Entry' }

const slot: ValueType = { read: 'number', write: 'number' }

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
  const { keySize, structOps } = map
  if (keySize === 0 || structOps) return anything
  return typed(spec, typesOf(spec, map)?.key, keySize, values) ?? (hasSlots(map) ? slot : untypedBytes)
}

function elementOf(spec: Spec, map: MapSpec, values: ValueTypes | undefined): ValueType {
  const { type, valueSize, structOps, inner, slots } = map
  // what user space reads there is the kernel's: the number of a map or a program
  if (valueSize === 0 || structOps || inner || type === 'prog_array' || slots.length > 0) return anything
  const value = typed(spec, typesOf(spec, map)?.value, valueSize, values) ?? untypedBytes
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
