import { BpfError } from '../errors.ts'
import type { MapShape } from '../plan/shape.ts'
import { EINVAL, ENOENT } from '../syscall/index.ts'

/** What user space may want of a map. */
export type MapOperation = 'read' | 'write' | 'delete' | 'walk' | 'take'

/** How an operation stands in a sentence. */
export const doing: Readonly<Record<MapOperation, string>> = {
  read: 'reading',
  write: 'writing to',
  delete: 'deleting from',
  walk: 'walking through',
  take: 'taking from',
}

type Reasons = Partial<Record<MapOperation, string>>

const slotsStay = 'its slots are always there: write zeros'
const inOrder = 'its elements are taken out in order: pop()'
const neverForgets = 'it only knows whether a value was put into it (has), and forgets none'
const notToBeSeen = 'user space can put things into it, not look at them'
const byOwner = 'what it holds is found by what it belongs to, and in no other way'
const takenByHashes = 'only hashes can be read and deleted from at once'

const ring: Reasons = allOf('it is a buffer, not entries: events()')
const array: Reasons = { delete: slotsStay, take: slotsStay }
const elements: Reasons = { delete: inOrder, walk: inOrder, take: inOrder }
const hidden: Reasons = { read: notToBeSeen, take: notToBeSeen }
const storage: Reasons = { walk: byOwner, take: takenByHashes }
const sockets: Reasons = {
  read: 'it shows sockets, by their cookies, only where its values have 8 bytes',
  take: takenByHashes,
}

/** What the kernel does for no map of a type, and what there is in its place (kernel/bpf: the map_ops of each). */
const reasons: Readonly<Record<string, Reasons>> = {
  array,
  percpu_array: array,
  prog_array: { take: takenByHashes },
  array_of_maps: { take: takenByHashes },
  hash_of_maps: { take: takenByHashes },
  lpm_trie: { take: takenByHashes },
  devmap: { take: takenByHashes },
  devmap_hash: { take: takenByHashes },
  cpumap: { take: takenByHashes },
  stack_trace: { write: 'only programs put stacks into it' },
  queue: elements,
  stack: elements,
  bloom_filter: { read: neverForgets, delete: neverForgets, walk: neverForgets, take: neverForgets },
  ringbuf: ring,
  user_ringbuf: allOf('it is a buffer, not entries'),
  arena: allOf('it is memory, not entries'),
  perf_event_array: hidden,
  cgroup_array: hidden,
  xskmap: hidden,
  sockmap: sockets,
  sockhash: sockets,
  reuseport_sockarray: sockets,
  sk_storage: storage,
  task_storage: storage,
  inode_storage: storage,
  cgrp_storage: storage,
  cgroup_storage: { delete: 'it goes with its cgroup', take: takenByHashes },
  percpu_cgroup_storage: { delete: 'it goes with its cgroup', take: takenByHashes },
}

function allOf(reason: string): Reasons {
  return { read: reason, write: reason, delete: reason, walk: reason, take: reason }
}

/** Does the kernel say by such an error that what was to be deleted is not there? (net/core/sock_map.c: __sock_map_delete) */
export function isAbsent(type: string, result: number): boolean {
  return result === ENOENT || (type === 'sockmap' && result === EINVAL)
}

/** Why no map of such a type can do it, or `undefined` where it can or nobody knows. */
export function whyNot({ type, valueSize }: MapShape, operation: MapOperation): string | undefined {
  const all = Object.hasOwn(reasons, type) ? reasons[type] : undefined
  return all === sockets && operation === 'read' && valueSize === 8 ? undefined : all?.[operation]
}

/** @throws BpfError `ERR_UNSUPPORTED` where no map of such a type can do it. */
export function mustBeAbleTo(
  { name, shape }: { readonly name: string; readonly shape: MapShape },
  operation: MapOperation,
): void {
  const why = whyNot(shape, operation)
  if (why === undefined) return
  throw new BpfError(`${doing[operation]} map '${name}', which is of type ${shape.type}: ${why}`, {
    code: 'ERR_UNSUPPORTED',
  })
}

/** @throws BpfError `ERR_UNSUPPORTED` for types whose elements do not come out in order. */
export function mustBeOrdered(
  { name, type }: { readonly name: string; readonly type: string },
  method: string,
): void {
  if (type === 'queue' || type === 'stack') return
  throw new BpfError(`map '${name}' is of type ${type}: ${method}() is for queues and stacks`, {
    code: 'ERR_UNSUPPORTED',
  })
}
