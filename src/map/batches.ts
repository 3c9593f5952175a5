import type { BpfError } from '../errors.ts'
import { isIndexed, isPerCpu } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import {
  allocate,
  E2BIG,
  EINTR,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENOTSUPP,
  type MapBatch,
  type Memory,
  mapGetNextKey,
  mapLookup,
  mapLookupBatch,
  mapUpdate,
  mapUpdateBatch,
  systemError,
} from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'
import { thisMachine } from './machine.ts'

export const ENOMEM = -12

/** Most entries that one call moves. */
const mostEntries = 4096
/** Bytes of values that one call moves, at most, where one value is not more. */
const mostBytes = 4 << 20

/** Bytes of what user space sees as the value of an entry: in per-CPU maps of all CPUs. */
export function entrySize(shape: MapShape): number {
  const { valueSize } = shape
  return isPerCpu(shape.type) ? roundUp(valueSize) * thisMachine().possibleCpus : valueSize
}

export function roundUp(size: number): number {
  return (size + 7) & ~7
}

/** How many entries of a map to move at once, so that memory stays bounded. */
export function batchLength(...shapes: readonly MapShape[]): number {
  const largest = Math.max(...shapes.map(shape => shape.keySize + entrySize(shape)))
  return Math.max(1, Math.min(mostEntries, Math.floor(mostBytes / Math.max(largest, 1))))
}

/** Some entries of a map; the memory is the same for every batch of a walk. */
export interface Batch {
  readonly keys: Memory
  readonly values: Memory
  readonly count: number
}

export type KeyBatch = Pick<Batch, 'keys' | 'count'>

export interface ReadOptions {
  /** Entries of a batch at most, unless a bucket of a hash has more. */
  readonly length?: number
  /** Of the first batch, which a walk that ends early need not pay for. Each is four times the one before. */
  readonly first?: number
  /** BPF_F_LOCK: no value is seen half written, in maps whose values have a lock. */
  readonly flags?: number
}

/** Types whose cursor is a place, and no key that may vanish: an index, or a bucket of a hash (kernel/bpf/hashtab.c). */
const placeCursors: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['array', 'percpu_array', 'array_of_maps'],
  ...['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'hash_of_maps'],
])

/**
 * All entries of a map, batch by batch. An entry that stays is there exactly once. Entries that come or go meanwhile may
 * or may not be among them, none of them twice. It always ends: where the kernel goes from key to key (maps that are
 * neither array nor hash, kernels without batches), a key that vanishes sends it back to the first one, and after four
 * times max_entries steps it is given up, what was not reached being left out.
 *
 * @param what the map, as it stands in a sentence: `map 'flows'`
 */
export function* readBatches(
  fd: number,
  shape: MapShape,
  what: string,
  { length = batchLength(shape), first = length, flags = 0 }: ReadOptions = {},
): IterableIterator<Batch> {
  const seen = placeCursors.has(shape.type) ? undefined : new Set<string>()
  let steps = mostSteps(shape)
  let retries = 0
  let room = roomFor(shape, Math.min(first, length))
  const cursor = allocate(Math.max(shape.keySize, 4))
  const batch: MapBatch = { inBatch: 0, outBatch: cursor.address, keys: 0, values: 0, count: 0 }
  for (;;) {
    Object.assign(batch, { keys: room.keys.address, values: room.values.address, count: room.count })
    const result = mapLookupBatch(fd, batch, flags)
    if (batch.inBatch === 0 && (result === ENOTSUPP || result === EINVAL)) {
      yield* readOneByOne(fd, shape, what, room, flags)
      return
    }
    const count = seen ? withoutSeen(room, batch.count, shape, seen) : batch.count
    if (count > 0) yield { ...room, count }
    if (result === ENOENT) return
    if (seen) steps -= batch.count
    if (steps <= 0) return
    if (result === ENOSPC && batch.count === 0) {
      // a bucket of the hash holds more
      room = roomFor(shape, room.count * 2)
      continue
    }
    // entries that vanish under it make the kernel give up, with what it has (kernel/bpf/syscall.c: generic_map_lookup_batch)
    if (result === EINTR && batch.count === 0 && ++retries < mostRetries) continue
    if (result < 0 && result !== ENOSPC && !(result === EINTR && batch.count > 0)) {
      throw systemError(result, 'bpf(BPF_MAP_LOOKUP_BATCH)', { doing: `reading ${what}` })
    }
    batch.inBatch = cursor.address
    if (room.count < length) room = roomFor(shape, Math.min(length, room.count * 4))
  }
}

/** How often entries may vanish in a row. */
const mostRetries = 100

/** Takes the entries out of a batch that were there before, and remembers the others; the result is how many these are. */
function withoutSeen({ keys, values }: Batch, count: number, shape: MapShape, seen: Set<string>): number {
  const { keySize } = shape
  const size = entrySize(shape)
  let kept = 0
  for (let i = 0; i < count; i++) {
    const name = nameOf(keys.bytes.subarray(i * keySize, (i + 1) * keySize))
    if (seen.has(name)) continue
    seen.add(name)
    if (kept < i) {
      keys.bytes.copyWithin(kept * keySize, i * keySize, (i + 1) * keySize)
      values.bytes.copyWithin(kept * size, i * size, (i + 1) * size)
    }
    kept++
  }
  return kept
}

/** So many, and a walk that was sent back to the first key again and again ends. */
function mostSteps({ maxEntries }: MapShape): number {
  return maxEntries === 0 ? Number.POSITIVE_INFINITY : 4 * maxEntries
}

function roomFor(shape: MapShape, count: number): Batch {
  return { keys: allocate(count * shape.keySize), values: allocate(count * entrySize(shape)), count }
}

/** The same for maps and kernels without batches. */
function* readOneByOne(
  fd: number,
  shape: MapShape,
  what: string,
  room: Batch,
  flags: number,
): IterableIterator<Batch> {
  const { keys, values } = room
  const size = entrySize(shape)
  const value = allocate(size)
  let count = 0
  for (const key of walkKeys(fd, shape, what)) {
    const result = mapLookup(fd, key, value, flags)
    if (result === ENOENT) continue
    if (result < 0) throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing: `reading ${what}` })
    keys.bytes.set(key.bytes, count * shape.keySize)
    values.bytes.set(value.bytes, count * size)
    if (++count < room.count) continue
    yield { keys, values, count }
    count = 0
  }
  if (count > 0) yield { keys, values, count }
}

/** Keys one by one, none twice; the memory is the same for each. */
export function* walkKeys(fd: number, shape: MapShape, what: string): IterableIterator<Memory> {
  const [key, next] = [allocate(shape.keySize), allocate(shape.keySize)]
  const seen = placeKeys.has(shape.type) ? undefined : new Set<string>()
  // where the key that it goes on from is not there any more, the kernel starts over (kernel/bpf/hashtab.c:
  // htab_map_get_next_key): so the next one is asked for before the caller may delete this one
  let stepped = mapGetNextKey(fd, null, next)
  for (let steps = mostSteps(shape); steps > 0; steps--) {
    if (stepped === ENOENT) return
    if (stepped < 0) throw systemError(stepped, 'bpf(BPF_MAP_GET_NEXT_KEY)', { doing: `reading ${what}` })
    key.bytes.set(next.bytes)
    stepped = mapGetNextKey(fd, key, next)
    if (isNew(key, seen)) yield key
  }
}

/** The same, as batches of one key. */
export function* walkKeyBatches(fd: number, shape: MapShape, what: string): IterableIterator<KeyBatch> {
  for (const keys of walkKeys(fd, shape, what)) yield { keys, count: 1 }
}

function isNew({ bytes }: Memory, seen: Set<string> | undefined): boolean {
  if (!seen) return true
  const size = seen.size
  return seen.add(nameOf(bytes)).size > size
}

/** Types whose keys are indexes, each of which is always there. */
const placeKeys: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['array', 'percpu_array', 'prog_array', 'perf_event_array', 'cgroup_array', 'array_of_maps'],
  ...['devmap', 'cpumap', 'xskmap', 'sockmap', 'reuseport_sockarray', 'stack_trace'],
])

/** A string of one character a byte: the same for equal keys. */
function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/**
 * Memory for entries that are not preallocated is made available in the background: where there is none right now, there
 * is some a moment later (kernel/bpf/memalloc.c: irq_work refills; mm/percpu.c: pcpu_balance_workfn).
 */
export const refilling = { pauseMs: 2, mostPauses: 500 } as const

/** Writes entries, all of them or it throws: E2BIG where the map is full. */
export function writeBatch(fd: number, shape: MapShape, entries: Batch, what: string): void {
  const size = entrySize(shape)
  let pauses = 0
  for (let done = 0; done < entries.count; ) {
    const [keys, values] = [entries.keys.address + done * shape.keySize, entries.values.address + done * size]
    const batch = { inBatch: 0, outBatch: 0, keys, values, count: entries.count - done }
    const result = mapUpdateBatch(fd, batch)
    if (result >= 0) return
    if (result === ENOTSUPP || result === EINVAL) {
      writeOneByOne(fd, shape, entries, what)
      return
    }
    pauses = batch.count > 0 ? 0 : pauses + 1
    if (result !== ENOMEM || pauses > refilling.mostPauses) {
      throw systemError(result, 'bpf(BPF_MAP_UPDATE_BATCH)', { doing: `writing to ${what}` })
    }
    done += batch.count
    pause(refilling.pauseMs)
  }
}

function writeOneByOne(fd: number, shape: MapShape, entries: Batch, what: string): void {
  for (const result of updates(fd, shape, entries)) if (result < 0) throw notWritten(result, what)
}

/**
 * Writes entries to a map that may be too small for them.
 *
 * @returns which of them have room, by their number in the batch
 */
export function writeWhatFits(fd: number, shape: MapShape, entries: Batch, what: string): number[] {
  const fitting: number[] = []
  let i = 0
  for (const result of updates(fd, shape, entries)) {
    if (result >= 0) fitting.push(i)
    else if (result !== E2BIG) throw notWritten(result, what)
    i++
  }
  return fitting
}

function* updates(fd: number, shape: MapShape, { keys, values, count }: Batch): Generator<number> {
  const size = entrySize(shape)
  const [key, value] = [allocate(shape.keySize), allocate(size)]
  for (let i = 0; i < count; i++) {
    key.bytes.set(keys.bytes.subarray(i * shape.keySize, (i + 1) * shape.keySize))
    value.bytes.set(values.bytes.subarray(i * size, (i + 1) * size))
    let result = mapUpdate(fd, key, value)
    for (let pauses = 0; result === ENOMEM && pauses < refilling.mostPauses; pauses++) {
      pause(refilling.pauseMs)
      result = mapUpdate(fd, key, value)
    }
    yield result
  }
}

function notWritten(result: number, what: string): BpfError {
  return systemError(result, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing: `writing to ${what}` })
}

/** How many of the first entries of an array are there to carry. */
export function commonEntries(old: MapShape, wanted: MapShape): number {
  return isIndexed(old.type) ? Math.min(old.maxEntries, wanted.maxEntries) : old.maxEntries
}
