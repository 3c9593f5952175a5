import { BpfError } from '../errors.ts'
import type { MapShape } from '../plan/shape.ts'
import {
  allocate,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTSUPP,
  type MapBatch,
  type Memory,
  mapDelete,
  mapDeleteBatch,
  mapLookupAndDelete,
  mapLookupAndDeleteBatch,
  mapUpdate,
  mapUpdateBatch,
} from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'
import { batchLength, refilling, walkKeys } from './batches.ts'
import type { EntryCodecs } from './entry-codecs.ts'
import { isAbsent } from './kinds.ts'
import type { Entry } from './types.ts'

/** A live map, for calls on many of its entries. */
export interface Target {
  readonly name: string
  readonly shape: MapShape
  readonly codecs: EntryCodecs
  /** Asked for at each call: whoever gives the entries may close the map meanwhile. */
  fd(): number
  /** The error of a call that failed, after so many entries of those that were given. */
  failed(result: number, syscall: string, done: number): BpfError
}

/**
 * Writes entries, in the order in which they come.
 *
 * @param flags of each: BPF_ANY, BPF_NOEXIST or BPF_EXIST, and BPF_F_LOCK
 * @returns how many
 */
export function writeMany(target: Target, entries: Iterable<readonly [Entry, Entry]>, flags: number): number {
  const room = new Room(target)
  return inChunks(
    entries,
    room,
    (pair, at) => room.put(pair, at),
    (count, done) => writeChunk(target, room, count, flags, done),
  )
}

/** Deletes keys, of which some may not be there; the result is how many were. */
export function deleteMany(target: Target, keys: Iterable<Entry>): number {
  const room = new Room(target)
  let deleted = 0
  inChunks(
    keys,
    room,
    (key, at) => room.putKey(key, at),
    (count, done) => {
      deleted += deleteChunk(target, room, count, done)
    },
  )
  return deleted
}

/** Reads and deletes all entries; where it fails, those that were taken until then are lost. */
export function takeMany(target: Target): [key: Entry, value: Entry][] {
  const taken: [Entry, Entry][] = []
  const cursor = allocate(Math.max(target.shape.keySize, 4))
  let room = new Room(target)
  for (let inBatch = 0; ; ) {
    const batch = { ...room.batch(0, room.length), inBatch, outBatch: cursor.address }
    const result = mapLookupAndDeleteBatch(target.fd(), batch)
    if (inBatch === 0 && (result === ENOTSUPP || result === EINVAL)) return takeOneByOne(target)
    for (let i = 0; i < batch.count; i++) taken.push(room.take(i))
    if (result === ENOENT) return taken
    if (result === ENOSPC && batch.count === 0) {
      // a bucket of the hash holds more
      room = new Room(target, room.length * 2)
      continue
    }
    if (result < 0 && result !== ENOSPC) {
      throw target.failed(result, 'bpf(BPF_MAP_LOOKUP_AND_DELETE_BATCH)', taken.length)
    }
    inBatch = cursor.address
  }
}

function takeOneByOne(target: Target): [key: Entry, value: Entry][] {
  const taken: [Entry, Entry][] = []
  const room = new Room(target, 1)
  for (const key of walkKeys(target.fd(), target.shape, `map '${target.name}'`)) {
    room.keys.bytes.set(key.bytes)
    const result = mapLookupAndDelete(target.fd(), room.keys, room.values)
    if (result === ENOENT) continue
    if (result < 0) throw target.failed(result, 'bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM)', taken.length)
    taken.push(room.take(0))
  }
  return taken
}

/** How many times something was done, and did not come to `false`. */
export function countOf<T>(items: Iterable<T>, act: (item: T) => unknown): number {
  let count = 0
  for (const item of listed(items)) if (act(item) !== false) count++
  return count
}

/** @throws BpfError `ERR_VALUE` for an entry that is no pair. */
export function pairOf<T extends readonly [unknown, unknown]>(entry: T): T {
  if (Array.isArray(entry)) return entry
  throw new BpfError('an entry is [key, value]', { code: 'ERR_VALUE' })
}

function listed<T>(items: Iterable<T>): Iterable<T> {
  // who writes JavaScript may give anything
  const given: Partial<Iterable<T>> | null | undefined = items
  if (typeof given?.[Symbol.iterator] === 'function') return items
  const what = given === null ? 'null' : typeof given
  throw new BpfError(`entries and keys come in a list, and ${what} is none`, {
    code: 'ERR_VALUE',
    hint: 'give an array, a Map, a generator, or whatever else for...of takes',
  })
}

function inChunks<T>(
  items: Iterable<T>,
  room: Room,
  put: (item: T, at: number) => void,
  flush: (count: number, done: number) => void,
): number {
  let done = 0
  let filled = 0
  for (const item of listed(items)) {
    try {
      put(item, filled)
    } catch (error) {
      if (filled > 0) flush(filled, done)
      throw error instanceof BpfError ? after(error, done + filled) : error
    }
    if (++filled < room.length) continue
    flush(filled, done)
    done += filled
    filled = 0
  }
  if (filled > 0) flush(filled, done)
  return done + filled
}

/** A value that does not fit ends it, too, and what came before is done. */
function after({ message, code }: BpfError, done: number): BpfError {
  return new BpfError(`${message} (after ${done} entries)`, { code })
}

function writeChunk(target: Target, room: Room, count: number, flags: number, done: number): void {
  let pauses = 0
  for (let at = 0; at < count; ) {
    const batch = room.batch(at, count - at)
    const result = room.isSingle ? ENOTSUPP : mapUpdateBatch(target.fd(), batch, flags)
    if (result >= 0) return
    if (!room.isSingle) at += batch.count
    if (result === ENOTSUPP || result === EINVAL) {
      // types and kernels without batches, or a value that the kernel does not take: it says so then
      room.isSingle = true
      const key = target.shape.keySize === 0 ? null : room.keyAt(at)
      const one = mapUpdate(target.fd(), key, room.valueAt(at), flags)
      if (one < 0) throw target.failed(one, 'bpf(BPF_MAP_UPDATE_ELEM)', done + at)
      at++
    } else if (result === ENOMEM && pauses++ < refilling.mostPauses) {
      pause(refilling.pauseMs)
    } else {
      throw target.failed(result, 'bpf(BPF_MAP_UPDATE_BATCH)', done + at)
    }
  }
}

function deleteChunk(target: Target, room: Room, count: number, done: number): number {
  let deleted = 0
  for (let at = 0; at < count; ) {
    const batch = room.batch(at, count - at)
    const result = room.isSingle ? ENOTSUPP : mapDeleteBatch(target.fd(), batch)
    if (result >= 0) return deleted + count - at
    const moved = room.isSingle ? 0 : batch.count
    deleted += moved
    at += moved
    if (at >= count) return deleted
    if (result === ENOENT) {
      at++
    } else if (result === ENOTSUPP || result === EINVAL) {
      room.isSingle = true
      const one = mapDelete(target.fd(), room.keyAt(at))
      if (one < 0 && !isAbsent(target.shape.type, one))
        throw target.failed(one, 'bpf(BPF_MAP_DELETE_ELEM)', done + at)
      if (one >= 0) deleted++
      at++
    } else {
      throw target.failed(result, 'bpf(BPF_MAP_DELETE_BATCH)', done + at)
    }
  }
  return deleted
}

/** Memory for some entries. */
class Room {
  readonly length: number
  readonly keys: Memory
  readonly values: Memory
  /** The kernel takes entries one by one only. */
  isSingle = false
  readonly #keyView: DataView
  readonly #valueView: DataView
  readonly #codecs: EntryCodecs

  constructor({ shape, codecs }: Target, length: number = Math.min(batchLength(shape), 1024)) {
    this.#codecs = codecs
    this.length = length
    this.keys = allocate(length * codecs.keySize)
    this.values = allocate(length * codecs.valueSize)
    this.#keyView = new DataView(this.keys.bytes.buffer)
    this.#valueView = new DataView(this.values.bytes.buffer)
  }

  put(pair: readonly [Entry, Entry], at: number): void {
    this.putKey(pairOf(pair)[0], at)
    this.#codecs.putValue(pair[1], this.#valueView, at * this.#codecs.valueSize)
  }

  putKey(key: Entry, at: number): void {
    this.#codecs.putKey(key, this.#keyView, at * this.#codecs.keySize)
  }

  take(at: number): [key: Entry, value: Entry] {
    const { keySize, valueSize } = this.#codecs
    return [
      this.#codecs.takeKey(this.#keyView, at * keySize),
      this.#codecs.takeValue(this.#valueView, at * valueSize),
    ]
  }

  keyAt(at: number): Memory {
    return { bytes: this.keys.bytes, address: this.keys.address + at * this.#codecs.keySize }
  }

  valueAt(at: number): Memory {
    return { bytes: this.values.bytes, address: this.values.address + at * this.#codecs.valueSize }
  }

  /** `count` entries from the `first` on. */
  batch(first: number, count: number): MapBatch {
    const [keys, values] = [this.keyAt(first).address, this.valueAt(first).address]
    return { inBatch: 0, outBatch: 0, keys, values, count }
  }
}
