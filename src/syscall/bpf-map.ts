import { clearAttr, put64, putText, u32 } from './arena.ts'
import {
  mapBatch as batchAt,
  command,
  mapCreate as createAt,
  mapElement as elementAt,
} from './attr.generated.ts'
import { ENOENT } from './errno.ts'
import { bpf } from './gate.ts'
import { bpfOn, type Memory } from './memory.ts'
import { withPermission } from './token.ts'

// Keys and values are memory that the caller makes once, and that is held until a call is back. The kernel takes
// `key_size` and `value_size` bytes of it; for per-CPU maps a value a possible CPU, each rounded up to 8 bytes.

export interface MapCreateOptions {
  /** BPF_MAP_TYPE_*. */
  readonly type: number
  /** Bytes. */
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** BPF_F_*. */
  readonly flags?: number
  /** At most 15 bytes of letters, digits, `_` and `.`; a longer one is cut. Linux 4.15. */
  readonly name?: string
  /** The map that the inner maps of a map-in-map are like. */
  readonly innerMapFd?: number
  /** With BPF_F_NUMA_NODE. */
  readonly numaNode?: number
  readonly ifindex?: number
  readonly btfFd?: number
  readonly btfKeyTypeId?: number
  readonly btfValueTypeId?: number
  /** struct_ops: the type of the value in the kernel's BTF. */
  readonly btfVmlinuxValueTypeId?: number
  /** struct_ops in a module: its BTF, with BPF_F_VTYPE_BTF_OBJ_FD. Linux 6.9. */
  readonly valueTypeBtfObjFd?: number
  /** Bloom filter: number of hash functions; arena: user address. Linux 5.16. */
  readonly mapExtra?: number | bigint
}

/** The tail that an older kernel does not know is zero, which it accepts (kernel/bpf/syscall.c: __sys_bpf). */
const createSize = createAt.map_token_fd + 4
const tokenField = { fd: createAt.map_token_fd, flags: createAt.map_flags }
const nameLimit = 16

/** Makes a map; the result is a descriptor. */
export function mapCreate(options: MapCreateOptions): number {
  clearAttr(createSize)
  u32[createAt.map_type >> 2] = options.type
  u32[createAt.key_size >> 2] = options.keySize
  u32[createAt.value_size >> 2] = options.valueSize
  u32[createAt.max_entries >> 2] = options.maxEntries
  u32[createAt.map_flags >> 2] = options.flags ?? 0
  u32[createAt.inner_map_fd >> 2] = options.innerMapFd ?? 0
  u32[createAt.numa_node >> 2] = options.numaNode ?? 0
  if (options.name !== undefined) putText(createAt.map_name, options.name.slice(0, nameLimit - 1), nameLimit)
  u32[createAt.map_ifindex >> 2] = options.ifindex ?? 0
  u32[createAt.btf_fd >> 2] = options.btfFd ?? 0
  u32[createAt.btf_key_type_id >> 2] = options.btfKeyTypeId ?? 0
  u32[createAt.btf_value_type_id >> 2] = options.btfValueTypeId ?? 0
  u32[createAt.btf_vmlinux_value_type_id >> 2] = options.btfVmlinuxValueTypeId ?? 0
  if (options.mapExtra !== undefined) put64(createAt.map_extra, options.mapExtra)
  u32[createAt.value_type_btf_obj_fd >> 2] = options.valueTypeBtfObjFd ?? 0
  return withPermission(command.BPF_MAP_CREATE, createSize, tokenField)
}

/** BPF_MAP_FREEZE: user space can write no more; programs can. Linux 5.2. */
export function mapFreeze(fd: number): number {
  u32[elementAt.map_fd >> 2] = fd
  return bpf(command.BPF_MAP_FREEZE, 4)
}

/** Copies the value of a key to `value`; maps without keys (queue, stack, bloom filter) take null. `flags`: BPF_F_LOCK. */
export function mapLookup(fd: number, key: Memory | null, value: Memory, flags = 0): number {
  return element(command.BPF_MAP_LOOKUP_ELEM, fd, key, value, flags)
}

/** `flags`: BPF_ANY, BPF_NOEXIST or BPF_EXIST, and BPF_F_LOCK. */
export function mapUpdate(fd: number, key: Memory | null, value: Memory, flags = 0): number {
  return element(command.BPF_MAP_UPDATE_ELEM, fd, key, value, flags)
}

export function mapDelete(fd: number, key: Memory): number {
  return element(command.BPF_MAP_DELETE_ELEM, fd, key, null, 0)
}

/** Queues and stacks since Linux 4.20, hashes since 5.14. */
export function mapLookupAndDelete(fd: number, key: Memory | null, value: Memory, flags = 0): number {
  return element(command.BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value, flags)
}

/** Copies the key after `key` to `nextKey`; the first one where `key` is null or no longer there. -ENOENT at the end. */
export function mapGetNextKey(fd: number, key: Memory | null, nextKey: Memory): number {
  return element(command.BPF_MAP_GET_NEXT_KEY, fd, key, nextKey, 0)
}

function element(cmd: number, fd: number, key: Memory | null, value: Memory | null, flags: number): number {
  u32[elementAt.map_fd >> 2] = fd
  u32[(elementAt.map_fd >> 2) + 1] = 0
  put64(elementAt.key, key === null ? 0 : key.address)
  put64(elementAt.value, value === null ? 0 : value.address)
  u32[elementAt.flags >> 2] = flags
  u32[(elementAt.flags >> 2) + 1] = 0
  return bpfOn(key, value, cmd, elementAt.size_)
}

/** What a batch call works on; addresses of memory of the caller. */
export interface MapBatch {
  /** The cursor that the call before gave, 0 to begin; as large as a key, at least 4 bytes. Unused by updates. */
  inBatch: number
  outBatch: number
  keys: number
  values: number
  /** How many entries there is room for; afterwards how many the kernel moved, also where the call failed. */
  count: number
}

/** -ENOENT: that was the last batch, and `count` of it are valid. -ENOSPC: one bucket has more than fit. Linux 5.6. */
export function mapLookupBatch(fd: number, batch: MapBatch, elementFlags = 0): number {
  return inBatch(command.BPF_MAP_LOOKUP_BATCH, fd, batch, elementFlags)
}

/** Hashes only; otherwise as {@link mapLookupBatch}. */
export function mapLookupAndDeleteBatch(fd: number, batch: MapBatch, elementFlags = 0): number {
  return inBatch(command.BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, batch, elementFlags)
}

export function mapUpdateBatch(fd: number, batch: MapBatch, elementFlags = 0): number {
  return inBatch(command.BPF_MAP_UPDATE_BATCH, fd, batch, elementFlags)
}

export function mapDeleteBatch(fd: number, batch: MapBatch, elementFlags = 0): number {
  return inBatch(command.BPF_MAP_DELETE_BATCH, fd, batch, elementFlags)
}

function inBatch(cmd: number, fd: number, batch: MapBatch, elementFlags: number): number {
  clearAttr(batchAt.size_)
  put64(batchAt.in_batch, batch.inBatch)
  put64(batchAt.out_batch, batch.outBatch)
  put64(batchAt.keys, batch.keys)
  put64(batchAt.values, batch.values)
  u32[batchAt.count >> 2] = batch.count
  u32[batchAt.map_fd >> 2] = fd
  u32[batchAt.elem_flags >> 2] = elementFlags
  const result = bpf(cmd, batchAt.size_)
  const moved = u32[batchAt.count >> 2]!
  // a call that is refused at once leaves our count as it was; one that fails midway has moved less
  const refused = result < 0 && result !== ENOENT && moved === batch.count
  batch.count = refused ? 0 : moved
  return result
}
