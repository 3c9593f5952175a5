import { type CopyFunction, compileCopy } from '../btf/index.ts'
import { commonEntries, entrySize, readBatches, roundUp } from '../map/batches.ts'
import { thisMachine } from '../map/index.ts'
import { isIndexed } from '../plan/map-families.ts'
import { mapTypes } from '../spec/kernel.ts'
import {
  allocate,
  closeFd,
  EEXIST,
  ENOENT,
  type Memory,
  mapCreate,
  mapDelete,
  mapLookup,
  mapUpdate,
  systemError,
} from '../syscall/index.ts'
import { isPerCpu, type LiveConversion } from './conversion.ts'
import { compileMerge, type MergeFunction } from './merge.ts'
import { snapshotShape } from './snapshot.ts'
import type { SweepCount } from './sweep-runner.ts'

const BPF_ANY = 0
const BPF_NOEXIST = 1
const NO_PREALLOC = 1

/**
 * Sweeps a map by reading and writing its entries: where no program can do it. Between reading and writing an entry
 * another may write it, and that is lost.
 */
export function sweepPlainly(
  conversion: LiveConversion,
  snapshot: number,
  signal: AbortSignal | undefined,
): SweepCount {
  const sweep = new PlainSweep(conversion, snapshot)
  try {
    sweep.carryChanges(signal)
    if (!isIndexed(conversion.old.shape.type)) sweep.repeatDeletes(signal)
    return sweep.count
  } finally {
    sweep.close()
  }
}

class PlainSweep {
  readonly count: SweepCount = { changed: 0, failed: 0, error: 0 }
  readonly #conversion: LiveConversion
  readonly #what: string
  readonly #snapshot: number
  /** The keys, as the new map has them, that the old map still has: in the kernel, as they may be many. */
  readonly #seen: number
  readonly #copy: CopyFunction
  readonly #merge: MergeFunction
  readonly #key: Memory
  /** The values of one entry: what the old one is now, what was carried last, what the new map has. */
  readonly #now: Memory
  readonly #before: Memory
  readonly #live: Memory
  readonly #mark = allocate(1)

  constructor(conversion: LiveConversion, snapshot: number) {
    const { name, old, new: next, value } = conversion
    this.#conversion = conversion
    this.#what = `map '${name}'`
    this.#snapshot = snapshot
    this.#copy = compileCopy(value.operations)
    this.#merge = compileMerge(value)
    this.#key = allocate(next.shape.keySize)
    const size = entrySize(next.shape)
    ;[this.#now, this.#before, this.#live] = [allocate(size), allocate(size), allocate(size)]
    this.#seen = isIndexed(old.shape.type) ? -1 : this.#makeSeen()
  }

  close(): void {
    if (this.#seen >= 0) closeFd(this.#seen)
  }

  #makeSeen(): number {
    const { old, new: next } = this.#conversion
    const fd = mapCreate({
      type: mapTypes.hash,
      keySize: next.shape.keySize,
      valueSize: 1,
      maxEntries: old.shape.maxEntries,
      flags: NO_PREALLOC,
      name: 'bpfpin_seen',
    })
    if (fd < 0) throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing: `sweeping ${this.#what}` })
    return fd
  }

  carryChanges(signal: AbortSignal | undefined): void {
    const { old, new: next } = this.#conversion
    const size = entrySize(old.shape)
    let left = commonEntries(old.shape, next.shape)
    for (const { keys, values, count } of readBatches(old.fd, old.shape, this.#what)) {
      signal?.throwIfAborted()
      for (let i = 0; i < Math.min(count, left); i++) {
        const key = keys.bytes.subarray(i * old.shape.keySize, (i + 1) * old.shape.keySize)
        if (this.#convert(key, values.bytes.subarray(i * size, (i + 1) * size))) this.#carry()
      }
      if (isIndexed(old.shape.type)) left -= count
    }
  }

  /** Puts key and value, as the new map has them, into `#key` and `#now`. */
  #convert(key: Uint8Array, value: Uint8Array): boolean {
    const { old, new: next, convert } = this.#conversion
    if (convert) {
      const made = convert(key, value)
      if (!made) return false
      this.#key.bytes.set(made.key)
      this.#now.bytes.set(made.value)
      return true
    }
    this.#key.bytes.set(key)
    const values = isPerCpu(old.shape) ? thisMachine().possibleCpus : 1
    for (let i = 0; i < values; i++) {
      this.#copy(value, i * roundUp(old.shape.valueSize), this.#now.bytes, i * roundUp(next.shape.valueSize))
    }
    return true
  }

  #carry(): void {
    const { new: next } = this.#conversion
    if (this.#seen >= 0) this.#update(this.#seen, this.#mark)
    const isKnown = this.#lookup(this.#snapshot, this.#before)
    if (!isKnown) this.#before.bytes.fill(0)
    else if (equal(this.#now.bytes, this.#before.bytes)) return
    const isThere = this.#lookup(next.fd, this.#live)
    if (isThere) {
      this.#mergeAll(isKnown)
      this.#fails(this.#update(next.fd, this.#live))
    } else if (!isKnown && this.#fails(this.#update(next.fd, this.#now, BPF_NOEXIST))) {
      return
    }
    this.count.changed++
    this.#update(this.#snapshot, this.#now)
  }

  /** An entry that a new program made itself keeps what is not a sum. */
  #mergeAll(isKnown: boolean): void {
    const { old, new: next, convert, value } = this.#conversion
    if (convert) {
      if (isKnown && equal(this.#live.bytes, this.#before.bytes)) this.#live.bytes.set(this.#now.bytes)
      return
    }
    const merge = isKnown ? this.#merge : compileMerge({ pairs: value.pairs.filter(p => p.merge === 'sum') })
    const values = isPerCpu(old.shape) ? thisMachine().possibleCpus : 1
    const size = roundUp(next.shape.valueSize)
    for (let i = 0; i < values; i++) {
      const of = ({ bytes }: Memory): Uint8Array => bytes.subarray(i * size, (i + 1) * size)
      merge(of(this.#now), of(this.#before), of(this.#live))
    }
  }

  repeatDeletes(signal: AbortSignal | undefined): void {
    const { new: next } = this.#conversion
    const shape = snapshotShape(this.#conversion)
    const size = entrySize(shape)
    for (const { keys, values, count } of readBatches(this.#snapshot, shape, this.#what)) {
      signal?.throwIfAborted()
      for (let i = 0; i < count; i++) {
        this.#key.bytes.set(keys.bytes.subarray(i * shape.keySize, (i + 1) * shape.keySize))
        if (this.#lookup(this.#seen, this.#mark)) continue
        const before = values.bytes.subarray(i * size, (i + 1) * size)
        if (this.#lookup(next.fd, this.#live) && equal(this.#live.bytes, before)) {
          if (mapDelete(next.fd, this.#key) >= 0) this.count.changed++
        }
        mapDelete(this.#snapshot, this.#key)
      }
    }
  }

  #lookup(fd: number, value: Memory): boolean {
    const result = mapLookup(fd, this.#key, value)
    if (result < 0 && result !== ENOENT)
      throw systemError(result, 'bpf(BPF_MAP_LOOKUP_ELEM)', { doing: `sweeping ${this.#what}` })
    return result >= 0
  }

  #update(fd: number, value: Memory, flags: number = BPF_ANY): number {
    return mapUpdate(fd, this.#key, value, flags)
  }

  #fails(result: number): boolean {
    if (result >= 0 || result === EEXIST) return false
    this.count.failed++
    this.count.error = result
    return true
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
