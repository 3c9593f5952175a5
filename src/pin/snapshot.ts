import { commonEntries } from '../map/batches.ts'
import { isIndexed } from '../plan/map-families.ts'
import { mapTypes } from '../spec/kernel.ts'
import { mapCreate, systemError } from '../syscall/index.ts'
import { isPerCpu, type LiveConversion, type MapSide } from './conversion.ts'

const NO_PREALLOC = 1

/**
 * Makes the map that holds what was carried last of each entry: keys of the old map, values as they are in the new one.
 * From it, whoever finishes an upgrade knows what is still to be carried.
 */
export function createSnapshot({ name, old, new: next }: LiveConversion): number {
  const indexed = isIndexed(old.shape.type)
  const fd = mapCreate({
    type: mapTypes[typeOf(old)],
    // by the keys of the new map, which differ from the old ones only where a user's function makes them
    keySize: next.shape.keySize,
    valueSize: next.shape.valueSize,
    maxEntries: indexed ? commonEntries(old.shape, next.shape) : old.shape.maxEntries,
    flags: indexed || isPreallocated(old) ? 0 : NO_PREALLOC,
    name: 'bpfpin_snapshot',
  })
  if (fd >= 0) return fd
  throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing: `making room for what is carried of map '${name}'` })
}

/** Values of all CPUs are slow to make one by one, so that they are made at once where the old map has them so. */
function isPreallocated({ shape }: MapSide): boolean {
  return isPerCpu(shape) && (shape.flags & NO_PREALLOC) === 0
}

/** The parameters of the map that {@link createSnapshot} makes, as far as they matter for its entries. */
export function snapshotShape({ old, new: next }: LiveConversion): MapSide['shape'] {
  return { ...next.shape, type: typeOf(old) }
}

function typeOf({ shape }: MapSide): 'array' | 'percpu_array' | 'hash' | 'percpu_hash' {
  if (isIndexed(shape.type)) return isPerCpu(shape) ? 'percpu_array' : 'array'
  return isPerCpu(shape) ? 'percpu_hash' : 'hash'
}
