import type { MapShape } from '../plan/shape.ts'
import { mapTypeName, mapTypes } from '../spec/kernel.ts'
import type { MapInfo } from '../syscall/index.ts'

let last: MapShape | undefined

/** The parameters in what the kernel says of a map. Of thousands most are like the one before: they share their shape. */
export function shapeOf({ type, keySize, valueSize, maxEntries, flags, mapExtra }: MapInfo): MapShape {
  const name = mapTypeName(type)
  if (
    last?.type === name &&
    last.keySize === keySize &&
    last.valueSize === valueSize &&
    last.maxEntries === maxEntries &&
    last.flags === flags &&
    last.mapExtra === mapExtra
  )
    return last
  last = { type: name, keySize, valueSize, maxEntries, flags, mapExtra }
  return last
}

/** The number of a map type for BPF_MAP_CREATE. */
export function mapTypeNumber(type: MapShape['type']): number {
  return Object.hasOwn(mapTypes, type)
    ? mapTypes[type as keyof typeof mapTypes]
    : Number(type.replace('type ', ''))
}
