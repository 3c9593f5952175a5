import { readFileSync } from 'node:fs'
import { closeAll } from '../closing.ts'
import { BpfMap, thisMachine } from '../map/index.ts'
import { comparePinned, isTheSame, type PinnedMap } from '../plan/compare.ts'
import { type Layout, mapPlace } from '../plan/layout.ts'
import { isNeverShared } from '../plan/map-families.ts'
import { fits, type MapVerdict, PinMismatchError } from '../plan/verdict.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import { allocate, closeFd, mapLookup, reserveDescriptors, systemError } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { type OpenedMap, openMapAt } from './open.ts'
import { PinnedTypes } from './pinned-types.ts'

/** Where an object is pinned. */
export interface PinSite {
  /** Directory on bpffs, without a `/` at its end. */
  readonly root: string
  /** Name of the object's directory in it. */
  readonly directory: string
  readonly layout: Layout
}

/**
 * The pinned maps that freshly loaded programs of the object can use as they are, in the object's order; the caller closes them.
 * Nothing is written to any of them.
 *
 * @param except names of maps that are not looked for
 * @throws PinMismatchError with every map that is pinned, has state, and does not fit.
 */
export function reusableMaps(
  spec: Spec,
  site: PinSite,
  generation: Generation | undefined,
  except: ReadonlySet<string>,
): BpfMap[] {
  const reused: BpfMap[] = []
  const refused: MapVerdict[] = []
  const opened: BpfMap[] = []
  const unfit: BpfMap[] = []
  const types = new PinnedTypes(spec, generation)
  if (generation) reserveDescriptors(generation.manifest.pins.length)
  try {
    for (const map of spec.maps) {
      if ((except.size > 0 && except.has(map.name)) || isNeverShared(map)) continue
      // in the object's own directory nothing is while there is none
      if (!generation && map.pinPath === undefined && site.layout === 'object') continue
      const place = mapPlace(map, site.root, site.layout)
      const found = place && openMapAt(place, generation)
      if (!found) continue
      const live = liveMap(types, map, found)
      opened.push(live)
      if (isTheSame(spec, map, found.shape, types.of(map, found), thisMachine())) {
        reused.push(live)
        continue
      }
      const verdict = comparePinned(spec, map, pinnedMap(map, found, types), thisMachine())
      if (fits(verdict)) reused.push(live)
      else {
        unfit.push(live)
        if (verdict.verdict !== 'new') refused.push(verdict)
      }
    }
    if (refused.length > 0) {
      throw new PinMismatchError(spec.name, `${site.root}/${site.directory}`, refused)
    }
  } catch (error) {
    closeAll(opened)
    throw error
  }
  closeAll(unfit)
  return reused
}

/**
 * A pinned map of an object, with the object's types. It takes over the descriptor.
 *
 * @throws BtfError for types that the kernel would refuse, as they are asked for only now. The descriptor is closed then.
 */
export function liveMap(types: PinnedTypes, map: MapSpec, { fd, info, shape }: OpenedMap): BpfMap {
  try {
    return new BpfMap({ fd, name: map.name, shape, types: types.own(map), id: info.id })
  } catch (error) {
    closeFd(fd)
    throw error
  }
}

/** A pinned map as a comparison sees it. */
export function pinnedMap(map: MapSpec, found: OpenedMap, pinned: PinnedTypes): PinnedMap {
  const { shape } = found
  const types = pinned.of(map, found)
  const inner = map.inner && pinned.innerOf(map, found)
  const contents = map.section?.isConstant ? frozenEntry(found, shape) : undefined
  const definition = map.structOps && pinned.definitionOf(map, found)
  const { name } = map
  const { path } = found
  if (types && !inner && !contents && !definition) return { name, path, shape, types }
  return {
    ...{ name, path, shape },
    ...(definition ? { definition } : {}),
    ...(types ? { types } : {}),
    ...(inner ? { inner } : {}),
    ...(contents ? { contents } : {}),
  }
}

/** The one value of a map of constants, or `undefined` where it could still be changed. */
function frozenEntry(
  { fd, path }: OpenedMap,
  { type, keySize, valueSize }: PinnedMap['shape'],
): Uint8Array | undefined {
  if (type !== 'array' || keySize !== 4 || !isFrozen(fd, path)) return undefined
  const key = allocate(4)
  const value = allocate(valueSize)
  const result = mapLookup(fd, key, value)
  if (result >= 0) return value.bytes
  throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing: `reading the constants at '${path}'`, path })
}

/** Told nowhere else (kernel/bpf/syscall.c: bpf_map_show_fdinfo). */
function isFrozen(fd: number, path: string): boolean {
  return /^frozen:\s*1$/m.test(readFdInfo(fd, path))
}

function readFdInfo(fd: number, path: string): string {
  const file = `/proc/self/fdinfo/${fd}`
  try {
    return readFileSync(file, 'latin1')
  } catch (cause) {
    // what Node throws for a call that failed has these
    const { errno = -5, syscall = 'read' } = cause as NodeJS.ErrnoException
    throw systemError(errno, syscall, { doing: `reading ${file} to see whether '${path}' is frozen`, path })
  }
}
