import { mapTypes } from '../spec/kernel.ts'
import {
  allocate,
  closeFd,
  EEXIST,
  ENOENT,
  type Memory,
  mapCreate,
  mapGetFdById,
  mapGetNextKey,
  mapLookup,
  mapUpdate,
  progGetFdById,
  systemError,
} from '../syscall/index.ts'
import type { MapSide } from './conversion.ts'
import type { Takeover } from './takeover.ts'

/**
 * What the values of these maps lead to, read as an id and written as a descriptor: other maps, or programs. In the maps
 * of devices and CPUs it stands behind a number, and may be missing.
 */
const references: Readonly<Record<string, { readonly to: 'map' | 'program'; readonly offset: number }>> = {
  array_of_maps: { to: 'map', offset: 0 },
  hash_of_maps: { to: 'map', offset: 0 },
  prog_array: { to: 'program', offset: 0 },
  devmap: { to: 'program', offset: 4 },
  devmap_hash: { to: 'program', offset: 4 },
  cpumap: { to: 'program', offset: 4 },
}

/** Do values of this type of map hold what only a descriptor can be put there for? */
export function holdsReferences(type: string): boolean {
  return Object.hasOwn(references, type)
}

/** A map and its name, for errors. */
export interface ReferenceMap extends MapSide {
  readonly name: string
}

/**
 * Puts what the slots of a map lead to into another map of its family, as far as there is room and they are empty there:
 * what the new object has put there stays.
 *
 * @param programFor a descriptor of what is to be taken for a program, by its id; `undefined`: the program itself;
 * `null`: nothing
 * @returns how many were carried
 */
export function carryReferences(
  old: ReferenceMap,
  next: MapSide,
  programFor: (id: number) => number | undefined | null = () => undefined,
): number {
  const { to, offset } = references[old.shape.type] ?? { to: 'map', offset: 0 }
  const doing = `carrying over the slots of map '${old.name}'`
  const keys: [Memory, Memory] = [allocate(old.shape.keySize), allocate(old.shape.keySize)]
  const value = allocate(Math.max(old.shape.valueSize, 4))
  const current = allocate(value.bytes.length)
  let carried = 0
  let result = mapGetNextKey(old.fd, null, keys[0])
  for (; result === 0; result = mapGetNextKey(old.fd, keys[1], keys[0])) {
    keys.reverse()
    const key = keys[1]
    const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.length)
    const isEmpty = mapLookup(old.fd, key, value) < 0 || isZero(value.bytes)
    const isTaken = !isEmpty && mapLookup(next.fd, key, current) === 0 && !isZero(current.bytes)
    if (isEmpty || isTaken) continue
    const id = offset + 4 <= old.shape.valueSize ? view.getUint32(offset, true) : 0
    const given = to === 'program' && id !== 0 ? programFor(id) : undefined
    if (given === null) continue
    const fd = given ?? (id === 0 ? 0 : to === 'map' ? mapGetFdById(id) : progGetFdById(id))
    if (fd === ENOENT) continue // gone meanwhile
    if (fd < 0) throw systemError(fd, `bpf(BPF_${to === 'map' ? 'MAP' : 'PROG'}_GET_FD_BY_ID)`, { doing })
    if (offset + 4 <= old.shape.valueSize) view.setInt32(offset, fd, true)
    const updated = mapUpdate(next.fd, key, value)
    if (given === undefined && fd > 0) closeFd(fd)
    if (updated < 0 && updated !== EEXIST) throw systemError(updated, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing })
    carried++
  }
  if (result !== ENOENT) throw systemError(result, 'bpf(BPF_MAP_GET_NEXT_KEY)', { doing })
  return carried
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte === 0)
}

/** Only processes put anything into such maps: what came after the copy is carried by key. */
export function referenceTakeover(old: ReferenceMap, next: MapSide): Takeover {
  let entries = 0
  return {
    record: { map: old.name, merge: {} },
    snapshot() {
      // nothing needs to be remembered, and a pin needs something
      const fd = mapCreate({ type: mapTypes.array, keySize: 4, valueSize: 4, maxEntries: 1 })
      if (fd >= 0) return fd
      throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing: `carrying over map '${old.name}'` })
    },
    copy() {
      entries = carryReferences(old, next)
    },
    sweep: () => carryReferences(old, next),
    report: () => ({ map: old.name, entries, failed: 0, inKernel: false }),
  }
}
