import type { Btf, TypeId } from '../btf/index.ts'
import { type MapType, mapFlag } from '../spec/kernel.ts'
import type { MapSpec } from '../spec/types.ts'

/** The parameters that the kernel keeps of a map (BPF_OBJ_GET_INFO_BY_FD). */
export interface MapShape {
  /** A map type by name; a type that this version does not know reads `type 60`. */
  readonly type: MapType | (string & {})
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  /** A number where that is exact, a bigint beyond 2^53. */
  readonly mapExtra: number | bigint
}

/** The types of a map's keys and values in one blob of BTF; an id of 0 means that the type is not known. */
export interface MapTypes {
  readonly btf: Btf
  readonly key: TypeId
  readonly value: TypeId
}

/** What the sizes of some maps depend on. */
export interface Machine {
  /** CPUs that the kernel could ever bring up: /sys/devices/system/cpu/possible. */
  readonly possibleCpus: number
  /** Bytes. */
  readonly pageSize: number
}

/** What to ask of the kernel for a map of the object: sizes that the object leaves to the machine are filled in. */
export function requestedShape(map: MapSpec, machine: Machine): MapShape {
  const { type, keySize, valueSize, flags, mapExtra } = map
  return { type, keySize, valueSize, maxEntries: requestedEntries(map, machine), flags, mapExtra }
}

/** Of what {@link requestedShape} says. */
export function requestedEntries({ type, maxEntries }: MapSpec, { possibleCpus, pageSize }: Machine): number {
  if (type === 'perf_event_array' && maxEntries === 0) return possibleCpus
  if (type === 'ringbuf' || type === 'user_ringbuf') return ringSize(maxEntries, pageSize)
  return maxEntries
}

/** The kernel takes a power of two of pages (kernel/bpf/ringbuf.c: ringbuf_map_alloc); 0 stays for it to refuse. */
function ringSize(bytes: number, pageSize: number): number {
  if (bytes === 0) return 0
  let size = pageSize
  while (size < bytes) size *= 2
  return size
}

/**
 * What the kernel will say of a map that was asked for with this shape: it rounds some parameters and adds to some
 * flags.
 */
export function keptShape(asked: MapShape, { possibleCpus }: Machine): MapShape {
  // kernel/bpf/hashtab.c: htab_map_alloc rounds so that every CPU has as many elements
  if (
    (asked.type === 'lru_hash' || asked.type === 'lru_percpu_hash') &&
    asked.flags & mapFlag.NO_COMMON_LRU
  ) {
    return { ...asked, maxEntries: Math.ceil(asked.maxEntries / possibleCpus) * possibleCpus }
  }
  // kernel/bpf/devmap.c: dev_map_init_map makes these read-only for programs
  if (asked.type === 'devmap' || asked.type === 'devmap_hash') {
    return { ...asked, flags: asked.flags | mapFlag.RDONLY_PROG }
  }
  return asked
}
