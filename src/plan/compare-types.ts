import type { MapSpec, Spec } from '../spec/types.ts'
import { type PinnedMap, typesOf } from './compare.ts'
import { gradeMap } from './grade-map.ts'
import { keptShape, type Machine, requestedShape } from './shape.ts'
import type { MapVerdict } from './verdict.ts'

/**
 * Can what is in a pinned map be read and written with the types of an object? As the verdict on the map, but of its kind
 * and its types alone: how many entries it has, its flags and its constants are no matter to who only looks.
 */
export function compareTypes(spec: Spec, map: MapSpec, pinned: PinnedMap, machine: Machine): MapVerdict {
  const { name, path, types } = pinned
  const { type, keySize, valueSize } = pinned.shape
  const shape = requestedShape(map, machine)
  const own = typesOf(spec, map)
  return gradeMap({
    ...{ name, path, machine },
    wanted: { shape, ...(own ? { types: own } : {}) },
    pinned: {
      shape: { ...keptShape(shape, machine), type, keySize, valueSize },
      ...(types ? { types } : {}),
    },
    ...(map.section ? { section: map.section } : {}),
  })
}
