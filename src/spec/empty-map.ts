import { kernelNameLength } from './kernel.ts'
import type { Definition } from './map-definitions.ts'
import type { SlotSpec } from './types.ts'

/** A map of which nothing is said yet. */
export function emptyMap(name: string): Definition {
  return {
    name,
    kernelName: kernelNameOf(name),
    type: 'unspec',
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    mapExtra: 0,
    numaNode: undefined,
    ifindex: 0,
    keyType: 0,
    valueType: 0,
    pinByName: false,
    pinPath: undefined,
    autocreate: true,
    inner: undefined,
    slots: noSlots,
    section: undefined,
    structOps: undefined,
  }
}

/** What all maps have that are given none; a map that has some gets a list of its own. */
const noSlots: SlotSpec[] = []

/** What the kernel calls it. The number that tells equal names apart is ours. */
export function kernelNameOf(name: string): string {
  return plainName(name.includes('~') ? name.replace(/~\d+/, '') : name)
}

/** Clang takes any letters, the kernel these, digits, `_` and `.` (kernel/bpf/syscall.c: bpf_obj_name_cpy). */
export function plainName(name: string): string {
  return name.slice(0, kernelNameLength).replace(/[^\w.]/g, '_')
}
