import { type CopyFunction, compileCopy } from '../btf/index.ts'
import {
  type Batch,
  batchLength,
  commonEntries,
  entrySize,
  readBatches,
  roundUp,
  writeBatch,
  writeWhatFits,
} from '../map/batches.ts'
import { thisMachine } from '../map/index.ts'
import { isIndexed } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import { mapFlag } from '../spec/kernel.ts'
import { allocate, getAffinity, type Memory, mapLookup, setAffinity, systemError } from '../syscall/index.ts'
import { type CopyOptions, isPerCpu, type LiveConversion, type MapSide } from './conversion.ts'
import { snapshotShape } from './snapshot.ts'
import { sweep } from './sweep.ts'

/** What {@link copyEntries} did. */
export interface CopyReport {
  /** Entries of the first pass. */
  readonly entries: number
  /** Passes in all: the first copies everything, each of the others what changed meanwhile. */
  readonly passes: number
  /** Will what changes until the switch be carried by a program in the kernel? Else the last writer wins. */
  readonly inKernel: boolean
}

/** Passes that follow the first one, at most: a map that changes faster than it is copied is never done. */
const mostPasses = 3
/** A pass that finds no more than that is the last before the switch. */
const fewEntries = 64
const fewPart = 0.01

/**
 * Copies all entries, then again what changed meanwhile until that is little. Nothing but this may write to the new map
 * yet. Memory is bounded, whatever the number of entries.
 *
 * @throws BpfError with the kernel's errno: E2BIG where the new map is too small and may not be; what `signal` was aborted with.
 */
export function copyEntries(
  conversion: LiveConversion,
  snapshot: number,
  options: CopyOptions = {},
): CopyReport {
  const entries = copyAll(conversion, snapshot, options)
  let passes = 1
  let inKernel = true
  for (let changed = Number.POSITIVE_INFINITY; passes <= mostPasses; passes++) {
    if (changed <= Math.max(fewEntries, fewPart * entries)) break
    const count = sweep(conversion, snapshot, { signal: options.signal, withoutDeletes: true })
    changed = count.changed
    inKernel = count.inKernel
  }
  return { entries, passes, inKernel }
}

function copyAll(conversion: LiveConversion, snapshot: number, options: CopyOptions): number {
  const { name, old, new: next } = conversion
  const what = `map '${name}'`
  const total = commonEntries(old.shape, next.shape)
  const length = batchLength(old.shape, next.shape)
  const mover = conversion.convert ? new FunctionMover(conversion) : new FieldMover(conversion)
  const spread = spreading(next)
  let done = 0
  let copied = 0
  try {
    for (const batch of readBatches(old.fd, old.shape, what, { length })) {
      options.signal?.throwIfAborted()
      // an array's come in order, and the last may have no place in the new one
      const count = isIndexed(old.shape.type) ? Math.min(batch.count, total - done) : batch.count
      if (count <= 0) break
      const moved = mover.move(batch, count)
      for (const part of spread?.parts(moved) ?? [moved]) {
        const written = write(conversion, part, what)
        writeBatch(snapshot, snapshotShape(conversion), written, `the copy of ${what}`)
        copied += written.count
      }
      done += count
      options.onProgress?.({ map: name, done, total })
    }
  } finally {
    spread?.end()
  }
  return copied
}

/** Writes to the new map; what the copy is to hold of it: what is not in the one must not be in the other. */
function write(
  { new: { fd, shape }, mayOverflow }: LiveConversion,
  { forNew, forSnapshot }: Moved,
  what: string,
): Batch {
  if (!mayOverflow) {
    writeBatch(fd, shape, forNew, what)
    return forSnapshot
  }
  const fitting = writeWhatFits(fd, shape, forNew, what)
  return fitting.length === forNew.count ? forSnapshot : chosen(forSnapshot, fitting, shape)
}

/** Some of the entries of a batch that follow each other, where they are. */
function partOf({ keys, values }: Batch, from: number, count: number, shape: MapShape): Batch {
  const part = ({ bytes, address }: Memory, size: number): Memory => ({
    bytes: bytes.subarray(from * size, (from + count) * size),
    address: address + from * size,
  })
  return { keys: part(keys, shape.keySize), values: part(values, entrySize(shape)), count }
}

/** Some of the entries of a batch. */
function chosen({ keys, values }: Batch, which: readonly number[], shape: MapShape): Batch {
  const pick = (from: Uint8Array, size: number): Memory => {
    const to = allocate(which.length * size)
    for (const [i, at] of which.entries()) to.bytes.set(from.subarray(at * size, (at + 1) * size), i * size)
    return to
  }
  return {
    keys: pick(keys.bytes, shape.keySize),
    values: pick(values.bytes, entrySize(shape)),
    count: which.length,
  }
}

interface Moved {
  readonly forNew: Batch
  readonly forSnapshot: Batch
}

/** Moves fields, into memory that is made once, for as many entries as a batch has room for. */
class FieldMover {
  readonly #conversion: LiveConversion
  readonly #copy: CopyFunction
  /** The values of one entry, one a CPU. */
  readonly #values: number
  readonly #fromStride: number
  readonly #toStride: number
  #room = 0
  #forNew = allocate(0)
  #forSnapshot = allocate(0)

  constructor(conversion: LiveConversion) {
    const { old, new: next, value } = conversion
    const isOfCpus = isPerCpu(old.shape)
    this.#conversion = conversion
    this.#copy = compileCopy(value.operations)
    this.#values = isOfCpus ? thisMachine().possibleCpus : 1
    this.#fromStride = isOfCpus ? roundUp(old.shape.valueSize) : old.shape.valueSize
    this.#toStride = isOfCpus ? roundUp(next.shape.valueSize) : next.shape.valueSize
  }

  move({ keys, values }: Batch, count: number): Moved {
    if (count > this.#room) this.#makeRoom(count)
    const to = this.#forSnapshot.bytes
    this.#copyInto(values.bytes, to, count)
    if (this.#forNew !== this.#forSnapshot) this.#copyInto(values.bytes, this.#forNew.bytes, count)
    return {
      forNew: { keys, values: this.#forNew, count },
      forSnapshot: { keys, values: this.#forSnapshot, count },
    }
  }

  #copyInto(from: Uint8Array, to: Uint8Array, count: number): void {
    const copy = this.#copy
    const last = count * this.#values
    for (let i = 0; i < last; i++) copy(from, i * this.#fromStride, to, i * this.#toStride)
  }

  /** What no field is moved to stays zero, or in a data section what the object has there. */
  #makeRoom(count: number): void {
    const { new: next } = this.#conversion
    this.#room = count
    this.#forSnapshot = allocate(count * entrySize(next.shape))
    this.#forNew = this.#forSnapshot
    if (!isIndexed(next.shape.type) || next.shape.maxEntries !== 1) return
    this.#forNew = allocate(entrySize(next.shape))
    const result = mapLookup(next.fd, allocate(4), this.#forNew)
    if (result < 0) {
      const doing = `reading the initial contents of map '${this.#conversion.name}'`
      throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing })
    }
  }
}

/** Lets a user's function make the entries. */
class FunctionMover {
  readonly #conversion: LiveConversion

  constructor(conversion: LiveConversion) {
    this.#conversion = conversion
  }

  move({ keys, values }: Batch, count: number): Moved {
    const { old, new: next, convert } = this.#conversion
    const [fromKey, from] = [old.shape.keySize, entrySize(old.shape)]
    const [toKey, to] = [next.shape.keySize, entrySize(next.shape)]
    const newKeys = allocate(count * toKey)
    const newValues = allocate(count * to)
    let kept = 0
    for (let i = 0; i < count; i++) {
      const made = convert?.(
        keys.bytes.subarray(i * fromKey, (i + 1) * fromKey),
        values.bytes.subarray(i * from, (i + 1) * from),
      )
      if (!made) continue
      newKeys.bytes.set(made.key, kept * toKey)
      newValues.bytes.set(made.value, kept * to)
      kept++
    }
    const batch = { keys: newKeys, values: newValues, count: kept }
    return { forNew: batch, forSnapshot: batch }
  }
}

/**
 * An LRU map with a list for each CPU gives every CPU an equal part of its entries (kernel/bpf/bpf_lru_list.c:
 * bpf_percpu_lru_populate): a CPU that writes more than its part evicts what was just copied.
 */
function spreading({ shape }: MapSide): Spread | undefined {
  const isSpread = shape.type.startsWith('lru_') && (shape.flags & mapFlag.NO_COMMON_LRU) !== 0
  const cpus = isSpread ? getAffinity() : []
  if (typeof cpus === 'number' || cpus.length < 2) return undefined
  return new Spread(shape, cpus)
}

/** Writes on each CPU no more than its part, as long as any of those that this process may run on has room. */
class Spread {
  readonly #shape: MapShape
  readonly #allowed: readonly number[]
  readonly #room: number[]
  #turn = 0

  constructor(shape: MapShape, allowed: readonly number[]) {
    this.#shape = shape
    this.#allowed = allowed
    this.#room = allowed.map(() => Math.ceil(shape.maxEntries / thisMachine().possibleCpus))
  }

  /** The entries, in as many parts as it takes; with each the process is on the CPU that is to write it. */
  *parts({ forNew, forSnapshot }: Moved): Generator<Moved> {
    for (let done = 0; done < forNew.count; ) {
      const count = this.#goWhereRoomIs(forNew.count - done)
      const part = (batch: Batch): Batch => partOf(batch, done, count, this.#shape)
      yield { forNew: part(forNew), forSnapshot: part(forSnapshot) }
      done += count
    }
  }

  /** -> how many of them there is room for; where all have their part, the oldest have to go anyway. */
  #goWhereRoomIs(wanted: number): number {
    const cpus = this.#allowed.length
    let turn = this.#turn++ % cpus
    for (let tried = 0; tried < cpus && this.#room[turn] === 0; tried++) turn = (turn + 1) % cpus
    setAffinity([this.#allowed[turn]!])
    const room = this.#room[turn]!
    const count = room === 0 ? wanted : Math.min(room, wanted)
    this.#room[turn] = Math.max(0, room - count)
    return count
  }

  end(): void {
    setAffinity(this.#allowed)
  }
}
