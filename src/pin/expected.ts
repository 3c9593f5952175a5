import { thisMachine } from '../map/index.ts'
import type { PinnedMap } from '../plan/compare.ts'
import { typesOf } from '../plan/compare.ts'
import { compareTypes } from '../plan/compare-types.ts'
import { mapPlace, pathOf } from '../plan/layout.ts'
import type { MapTypes } from '../plan/shape.ts'
import { fits, PinMismatchError } from '../plan/verdict.ts'
import type { Spec } from '../spec/types.ts'
import type { Generation } from './generation.ts'

/**
 * The types that an object has for what is pinned, by name of the map: a program that was compiled for them reads by them,
 * also what is padding in those of the generation.
 *
 * @throws PinMismatchError where a map is not pinned or has other types.
 */
export function expectTypes(
  spec: Spec,
  { path, manifest }: Pick<Generation, 'path' | 'manifest'>,
  pinned: readonly PinnedMap[],
): ReadonlyMap<string, MapTypes | undefined> {
  const found = new Map(pinned.map(map => [map.name, map]))
  // what the kernel says of it is its own; nobody reads it by the object's types
  const wanted = spec.maps.filter(map => map.autocreate && map.pinPath !== null && !map.structOps)
  const verdicts = wanted.map(map => {
    const { name } = map
    const other = found.get(name)
    if (other) return compareTypes(spec, map, other, thisMachine())
    const place = mapPlace(map, path, 'object')
    return {
      kind: 'map' as const,
      name,
      path: place ? pathOf(place) : name,
      verdict: 'new' as const,
      reasons: [],
    }
  })
  const refused = verdicts.filter(verdict => !fits(verdict))
  if (refused.length > 0) throw new PinMismatchError(manifest.name, path, refused)
  return new Map(wanted.map(map => [map.name, typesOf(spec, map)]))
}
