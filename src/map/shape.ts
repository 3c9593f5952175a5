import type { MapShape } from '../plan/shape.ts'
import { mapTypeName } from '../spec/kernel.ts'
import type { MapInfo } from '../syscall/index.ts'

/** The parameters in what the kernel says of a map. */
export function shapeOf({ type, keySize, valueSize, maxEntries, flags, mapExtra }: MapInfo): MapShape {
  return { type: mapTypeName(type), keySize, valueSize, maxEntries, flags, mapExtra }
}
