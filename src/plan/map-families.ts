import type { Btf, TypeId } from '../btf/index.ts'
import { usdtMaps } from '../spec/usdt/spec.ts'

/** A map, as far as it says of which family it is. */
interface Named {
  readonly name: string
  readonly type: string
}

/** Map types without state of their own: what does not fit is made anew, and nothing is lost. */
const stateless: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'prog_array',
  'ringbuf',
  'user_ringbuf',
  'perf_event_array',
  'stack_trace',
  'struct_ops',
])

/** What links of a generation are made of: those of the next one make their own. */
const ofLinks: ReadonlySet<string> = /* @__PURE__ */ new Set(Object.values(usdtMaps))

export function isStateless({ name, type }: Named): boolean {
  return stateless.has(type) || ofLinks.has(name)
}

/**
 * Maps that programs which are loaded anew never share with those that are pinned: what a program array leads to must not be
 * reached through the old programs; a struct_ops map has the old programs in it for good; and what is known of the places of USDT probes would fill up with each generation.
 */
export function isNeverShared({ name, type }: Named): boolean {
  return type === 'prog_array' || type === 'struct_ops' || ofLinks.has(name)
}

/** Map types whose entries user space can neither list nor read, or not put into another map. */
const unreadable: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['queue', 'stack', 'bloom_filter', 'arena', 'insn_array'],
  ...['sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage'],
  ...['cgroup_storage', 'percpu_cgroup_storage'],
  ...['sockmap', 'sockhash', 'reuseport_sockarray', 'xskmap', 'cgroup_array'],
])

export function isUnreadable(type: string): boolean {
  return unreadable.has(type)
}

/** Keys are indexes from 0 on, whatever type the object gives them. */
const indexed: ReadonlySet<string> = /* @__PURE__ */ new Set(['array', 'percpu_array'])

export function isIndexed(type: string): boolean {
  return indexed.has(type)
}

/** Map types whose values exist once a possible CPU. */
const perCpu: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['percpu_hash', 'percpu_array', 'lru_percpu_hash', 'percpu_cgroup_storage'],
])

export function isPerCpu(type: string): boolean {
  return perCpu.has(type)
}

/** Map types whose key is the index of a slot, whatever BTF says (kernel/bpf/arraymap.c and its like). */
const slotted: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['array', 'percpu_array', 'prog_array', 'perf_event_array', 'cgroup_array', 'array_of_maps'],
  ...['devmap', 'cpumap', 'xskmap', 'sockmap', 'reuseport_sockarray', 'stack_trace'],
])

export function hasSlots({ type, keySize }: { readonly type: string; readonly keySize: number }): boolean {
  return keySize === 4 && slotted.has(type)
}

/** Types whose values are descriptors when they are written (kernel/bpf/syscall.c: bpf_map_update_value). */
const descriptors: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['array_of_maps', 'hash_of_maps', 'prog_array', 'perf_event_array', 'cgroup_array'],
  ...['sockmap', 'sockhash', 'xskmap', 'reuseport_sockarray'],
])

export function holdsDescriptors(type: string): boolean {
  return descriptors.has(type)
}

/** Storage that belongs to something, by whose descriptor user space finds it (kernel/bpf/bpf_*_storage.c). */
const owned: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['sk_storage', 'task_storage', 'inode_storage', 'cgrp_storage'],
])

export function isOwned(type: string): boolean {
  return owned.has(type)
}

/** Their values of 4 bytes are an index of an interface, or how many packets a queue takes; the kernel keeps no type of them. */
const kernelNumbers: ReadonlySet<string> = /* @__PURE__ */ new Set(['devmap', 'devmap_hash', 'cpumap'])

export function hasKernelNumbers(type: string): boolean {
  return kernelNumbers.has(type)
}

/** Map types in whose values the kernel, and not the object, says what lies where. */
const kernelValues: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['array_of_maps', 'hash_of_maps', 'devmap', 'devmap_hash', 'cpumap'],
  ...['sockmap', 'sockhash', 'reuseport_sockarray', 'xskmap', 'cgroup_array', 'arena', 'insn_array'],
])

export function hasKernelValues(type: string): boolean {
  return stateless.has(type) || kernelValues.has(type)
}

/** Bytes of a prefix's length, which comes first in a key of an LPM trie (include/uapi/linux/bpf.h: struct bpf_lpm_trie_key). */
export const prefixLengthSize = 4

/**
 * Are the keys prefixes of IP addresses? Behind the length there is one thing, of 4 or 16 bytes, in the order of the network, as the
 * kernel compares keys from the first bit on (kernel/bpf/lpm_trie.c).
 */
export function hasAddresses(
  { type, keySize }: { readonly type: string; readonly keySize: number },
  btf: Btf,
  key: TypeId,
): boolean {
  const isSized = keySize === prefixLengthSize + 4 || keySize === prefixLengthSize + 16
  const struct = type === 'lpm_trie' && isSized && key !== 0 ? btf.resolve(key) : undefined
  if (struct?.kind !== 'struct' || struct.size !== keySize || struct.members.length !== 2) return false
  const [length, address] = struct.members
  return (
    length?.bitOffset === 0 &&
    btf.sizeOf(length.type) === prefixLengthSize &&
    address?.bitOffset === 8 * prefixLengthSize &&
    address.bitSize === 0
  )
}

/** Types that hold the same entries and forget them in different ways. */
const families: readonly (readonly string[])[] = [
  ['hash', 'lru_hash'],
  ['percpu_hash', 'lru_percpu_hash'],
]

/** Can entries of one type be put into a map of the other? */
export function isSameFamily(a: string, b: string): boolean {
  return a === b || families.some(family => family.includes(a) && family.includes(b))
}
