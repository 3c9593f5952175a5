import type { BpfError } from '../errors.ts'
import { thisMachine } from '../map/index.ts'
import { isIndexed } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import {
  allocate,
  type MapBatch,
  type Memory,
  mapGetNextKey,
  mapLookup,
  mapLookupBatch,
  mapUpdate,
  mapUpdateBatch,
  systemError,
} from '../syscall/index.ts'
import { isPerCpu } from './conversion.ts'
import { pause } from './pause.ts'

const ENOENT = -2
const EINTR = -4
const E2BIG = -7
export const ENOMEM = -12
const EINVAL = -22
const ENOSPC = -28
const ENOTSUPP = -524

/** Most entries that one call moves. */
const mostEntries = 4096
/** Bytes of values that one call moves, at most, where one value is not more. */
const mostBytes = 4 << 20

/** Bytes of what user space sees as the value of an entry: in per-CPU maps of all CPUs. */
export function entrySize(shape: MapShape): number {
  const { valueSize } = shape
  return isPerCpu(shape) ? roundUp(valueSize) * thisMachine().possibleCpus : valueSize
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

/**
 * All entries of a map, batch by batch. Entries that come or go meanwhile may or may not be among them; an entry that
 * stays is there exactly once.
 *
 * @param what the map, as it stands in a sentence: `map 'flows'`
 */
export function* readBatches(
  fd: number,
  shape: MapShape,
  what: string,
  length: number = batchLength(shape),
): IterableIterator<Batch> {
  let room = length
  let keys = allocate(room * shape.keySize)
  let values = allocate(room * entrySize(shape))
  const cursor = allocate(Math.max(shape.keySize, 4))
  const batch: MapBatch = { inBatch: 0, outBatch: cursor.address, keys: 0, values: 0, count: 0 }
  for (;;) {
    Object.assign(batch, { keys: keys.address, values: values.address, count: room })
    const result = mapLookupBatch(fd, batch)
    if (batch.inBatch === 0 && (result === ENOTSUPP || result === EINVAL)) {
      yield* readOneByOne(fd, shape, what, { keys, values, count: room })
      return
    }
    if (batch.count > 0) yield { keys, values, count: batch.count }
    if (result === ENOENT) return
    if (result === ENOSPC && batch.count === 0) {
      // a bucket of the hash holds more
      room *= 2
      keys = allocate(room * shape.keySize)
      values = allocate(room * entrySize(shape))
      continue
    }
    // entries that vanish under it make the kernel give up, with what it has (kernel/bpf/syscall.c: generic_map_lookup_batch)
    if (result < 0 && !(result === EINTR && batch.count > 0)) {
      throw systemError(result, 'bpf(BPF_MAP_LOOKUP_BATCH)', { doing: `reading ${what}` })
    }
    batch.inBatch = cursor.address
  }
}

/** The same for maps and kernels without batches. */
function* readOneByOne(fd: number, shape: MapShape, what: string, room: Batch): IterableIterator<Batch> {
  const { keys, values } = room
  const size = entrySize(shape)
  const [key, next, value] = [allocate(shape.keySize), allocate(shape.keySize), allocate(size)]
  let from: Memory | null = null
  let count = 0
  // a walk whose last key is deleted starts over: stop then (kernel/bpf/hashtab.c: htab_map_get_next_key)
  for (let seen = 0; seen < shape.maxEntries; seen++) {
    const stepped = mapGetNextKey(fd, from, next)
    if (stepped === ENOENT) break
    if (stepped < 0) throw systemError(stepped, 'bpf(BPF_MAP_GET_NEXT_KEY)', { doing: `reading ${what}` })
    key.bytes.set(next.bytes)
    from = key
    const result = mapLookup(fd, key, value)
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
