import type { MapShape } from '../plan/shape.ts'
import { mapTypeName, mapTypes } from '../spec/kernel.ts'
import type { MapInfo } from '../syscall/index.ts'

/** The parameters in what the kernel says of a map. */
export function shapeOf({ type, keySize, valueSize, maxEntries, flags, mapExtra }: MapInfo): MapShape {
  return { type: mapTypeName(type), keySize, valueSize, maxEntries, flags, mapExtra }
}

/** The number of a map type for BPF_MAP_CREATE. */
export function mapTypeNumber(type: MapShape['type']): number {
  return Object.hasOwn(mapTypes, type)
    ? mapTypes[type as keyof typeof mapTypes]
    : Number(type.replace('type ', ''))
}
