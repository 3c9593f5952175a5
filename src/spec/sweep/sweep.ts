import type { Conversion } from '../../btf/index.ts'
import { Assembler, type Label, type Register, r0, r1, r2, r3, r4, r6, r7, r8, r9, r10 } from './assembler.ts'
import { emitCopy } from './copy.ts'
import { emitAnyDifference } from './difference.ts'
import { type ByteRange, emitMerge } from './merge.ts'
import { describeFunctions } from './types.ts'

/** What a sweep program is made for. */
export interface SweepOptions {
  /** Hashes are given keys to look at, arrays a range of indices. */
  readonly kind: 'array' | 'hash'
  /** Every run then sees the values of one CPU. */
  readonly perCpu: boolean
  /** Bytes. */
  readonly keySize: number
  readonly conversion: Conversion
  /** Bytes of a new value that only the kernel may touch: locks, timers, kernel pointers. */
  readonly opaque: readonly ByteRange[]
  /** Descriptors. The snapshot has the key of the old map and the value of the new. */
  readonly maps: {
    readonly old: number
    readonly snapshot: number
    readonly next: number
    readonly scratch: number
  }
  /** Keys a run looks at, at most; with more than one it needs bpf_loop (Linux 5.17). */
  readonly batch: number
  /** Has the kernel bpf_map_lookup_percpu_elem (Linux 5.19)? Without it a run sees the values of the CPU it is on. */
  readonly seesEveryCpu: boolean
}

export interface SweepProgram {
  readonly instructions: Uint8Array
  /** Types of its functions; bpf_loop is given only functions that have one. */
  readonly btf: Uint8Array
  /** Rows of bpf_func_info, 8 bytes each. */
  readonly functionInfo: Uint8Array
}

/** Words of 4 bytes in the context of a run, which the caller gives and takes back. */
export const sweepContext = {
  count: 0,
  first: 1,
  cpu: 2,
  cpus: 3,
  changed: 4,
  failed: 5,
  error: 6,
  words: 8,
} as const

/** Where things are in the one value of the scratch map, an array. */
export interface ScratchLayout {
  readonly size: number
  /** The first key; the others follow without gaps. */
  readonly keys: number
}

export function scratchLayout(conversion: Conversion, keySize: number, batch: number): ScratchLayout {
  const keys = 2 * roundUp(conversion.toSize)
  return { keys, size: keys + roundUp(keySize * batch) }
}

const helper = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  loop: 181,
  mapLookupPercpu: 195,
} as const
const BPF_NOEXIST = 1
const EEXIST = -17

/** Of the context's copy on the stack of the program's entry, which the other functions get a pointer to. */
const at = {
  count: 0,
  first: 4,
  cpu: 8,
  cpus: 12,
  changed: 16,
  failed: 20,
  error: 24,
  index: 28,
  differs: 32,
}
const frame = -40

/** Slots in the stack frame of the function that looks at one key. */
const contextSlot = -8
const indexSlot = -16

/**
 * Writes the program (BPF_PROG_TYPE_SYSCALL) that carries into a new map what changed in the old one since it was last
 * carried, while programs write to the new one. Nothing interrupts a run for good, a kill least of all, so that after
 * each run, and between any two of them, the snapshot says exactly what the new map has been given.
 *
 * @throws RangeError, BpfError `ERR_VALUE` for layouts that no program can be made for: too long, integers of 128 bits.
 */
export function assembleSweep(options: SweepOptions): SweepProgram {
  const code = new Assembler()
  const visit = code.label()
  const compare = code.label()
  emitEntry(code, options, visit)
  code.place(visit)
  new Visit(code, options, compare).emit()
  const comparesEveryCpu = options.perCpu && options.kind === 'hash' && options.seesEveryCpu
  if (comparesEveryCpu) {
    code.place(compare)
    emitCompareCpu(code, options)
  }
  const functions = comparesEveryCpu ? [visit, compare] : [visit]
  return { instructions: code.finish(), ...describeFunctions([0, ...functions.map(fn => code.placeOf(fn))]) }
}

/** Copies the context to the stack, as functions that are called back can take nothing else, and back. */
function emitEntry(code: Assembler, { batch }: SweepOptions, visit: Label): void {
  code.alu('mov', r6, r1)
  for (let word = 0; word < 4; word++) {
    code.load(8, r1, r6, 8 * word)
    code.store(8, r10, frame + 8 * word, r1)
  }
  code.store(8, r10, frame + at.differs, 0)
  if (batch > 1) {
    code.load(4, r1, r6, at.count)
    code.functionAddress(r2, visit)
    code.alu('mov', r3, r10)
    code.alu('add', r3, frame)
    code.alu('mov', r4, 0)
    code.helper(helper.loop)
  } else {
    code.alu('mov', r1, 0)
    code.alu('mov', r2, r10)
    code.alu('add', r2, frame)
    code.callFunction(visit)
  }
  for (const offset of [at.changed, at.error]) {
    code.load(8, r1, r10, frame + offset)
    code.store(8, r6, offset, r1)
  }
  code.alu('mov', r0, 0)
  code.exit()
}

/** The function that looks at one key: r1 is which, r2 the context. */
class Visit {
  readonly #code: Assembler
  readonly #options: SweepOptions
  readonly #compare: Label
  readonly #done: Label

  constructor(code: Assembler, options: SweepOptions, compare: Label) {
    this.#code = code
    this.#options = options
    this.#compare = compare
    this.#done = code.label()
  }

  /** r6 is the key, r7 what the old value is now, r8 the snapshot, r9 the new value. */
  emit(): void {
    const code = this.#code
    const { conversion, opaque, maps, kind } = this.#options
    const { toSize, operations, pairs } = conversion
    const [gone, fresh, remember] = [code.label(), code.label(), code.label()]
    code.store(8, r10, contextSlot, r2)
    emitKey(code, this.#options, r2, this.#done)
    this.#lookup(maps.old)
    code.jumpIf(r0, '==', 0, kind === 'hash' ? gone : this.#done)
    code.alu('mov', r7, r0)
    code.mapValue(r8, maps.scratch, 0)
    emitCopy(code, operations, { from: r7, to: r8 })
    code.mapValue(r7, maps.scratch, 0)
    this.#lookup(maps.snapshot)
    code.alu('mov', r8, r0)
    const known = code.label()
    code.jumpIf(r8, '!=', 0, known)
    if (kind === 'hash') code.jump(fresh)
    else code.jump(this.#done)
    code.place(known)
    emitAnyDifference(code, r7, r8, toSize, [])
    code.jumpIf(r3, '==', 0, this.#done)
    this.#lookup(maps.next)
    code.alu('mov', r9, r0)
    code.jumpIf(r9, '==', 0, remember)
    emitMerge(code, pairs, toSize, opaque)
    this.#count(at.changed)
    code.place(remember)
    emitCopy(code, [{ op: 'bytes', from: 0, to: 0, size: toSize }], { from: r7, to: r8 })
    code.jump(this.#done)
    if (kind === 'hash') {
      this.#emitFresh(fresh, known)
      this.#emitGone(gone)
    }
    code.place(this.#done)
    code.alu('mov', r0, 0)
    code.exit()
  }

  /** The old map has an entry that was not there the last time: the new map gets it, unless it has one itself. */
  #emitFresh(fresh: Label, known: Label): void {
    const code = this.#code
    const { maps, perCpu, conversion } = this.#options
    const zeros = roundUp(conversion.toSize)
    const [failed, undo] = [code.label(), code.label()]
    code.place(fresh)
    // first what only this program knows of: if the new map takes no entry it can be taken back
    this.#insert(maps.snapshot, perCpu ? zeros : 0)
    code.jumpIf(r0, '!=', 0, failed)
    this.#insert(maps.next, perCpu ? zeros : 0)
    if (perCpu) {
      const there = code.label()
      code.jumpIf(r0, '==', 0, there)
      code.jumpIf(r0, '!=', EEXIST, undo)
      code.place(there)
      // as if the entry had been there with zeros on every CPU
      this.#lookup(maps.snapshot)
      code.alu('mov', r8, r0)
      code.jumpIf(r8, '!=', 0, known)
      code.jump(this.#done)
    } else {
      const both = code.label()
      code.jumpIf(r0, '==', EEXIST, both)
      code.jumpIf(r0, '!=', 0, undo)
      this.#count(at.changed)
      code.jump(this.#done)
      code.place(both)
      this.#emitAddAll()
    }
    code.place(undo)
    code.alu('mov', r9, r0)
    this.#call(maps.snapshot, helper.mapDelete)
    code.alu('mov', r0, r9)
    code.place(failed)
    code.load(8, r1, r10, contextSlot)
    code.store(4, r1, at.error, r0)
    this.#count(at.failed)
    code.jump(this.#done)
  }

  /** A new program made the entry itself: only sums are brought together, from nothing. */
  #emitAddAll(): void {
    const code = this.#code
    const { maps, conversion, opaque } = this.#options
    this.#lookup(maps.next)
    code.alu('mov', r9, r0)
    code.jumpIf(r9, '==', 0, this.#done)
    code.mapValue(r8, maps.scratch, roundUp(conversion.toSize))
    const sums = conversion.pairs.filter(({ merge }) => merge === 'sum')
    emitMerge(code, sums, conversion.toSize, opaque)
    this.#count(at.changed)
    code.jump(this.#done)
  }

  /** An old program deleted the entry after it was carried: the new one goes, too, if nothing happened to it. */
  #emitGone(gone: Label): void {
    const code = this.#code
    const { maps, perCpu, seesEveryCpu, conversion, opaque } = this.#options
    const forget = code.label()
    code.place(gone)
    this.#lookup(maps.snapshot)
    code.jumpIf(r0, '==', 0, this.#done)
    code.alu('mov', r8, r0)
    this.#lookup(maps.next)
    code.jumpIf(r0, '==', 0, forget)
    code.alu('mov', r9, r0)
    if (perCpu && !seesEveryCpu) {
      // what the other CPUs have cannot be compared: the entry stays
      code.jump(forget)
    } else {
      if (perCpu) this.#compareCpus()
      else emitAnyDifference(code, r8, r9, conversion.toSize, opaque)
      code.jumpIf(r3, '!=', 0, forget)
      this.#call(maps.next, helper.mapDelete)
      this.#count(at.changed)
    }
    code.place(forget)
    this.#call(maps.snapshot, helper.mapDelete)
    code.jump(this.#done)
  }

  /** r3 = 0 where new value and snapshot are equal on every CPU. */
  #compareCpus(): void {
    const code = this.#code
    code.load(8, r3, r10, contextSlot)
    code.store(8, r3, at.differs, 0)
    code.load(4, r1, r3, at.cpus)
    code.functionAddress(r2, this.#compare)
    code.alu('mov', r4, 0)
    code.helper(helper.loop)
    code.load(8, r3, r10, contextSlot)
    code.load(8, r3, r3, at.differs)
  }

  #lookup(map: number): void {
    this.#code.load(8, r3, r10, contextSlot)
    emitLookup(this.#code, this.#options, map, r3)
  }

  #call(map: number, number: number): void {
    const code = this.#code
    code.map(r1, map)
    code.alu('mov', r2, r6)
    code.helper(number)
  }

  #insert(map: number, valueAt: number): void {
    const code = this.#code
    code.map(r1, map)
    code.alu('mov', r2, r6)
    code.mapValue(r3, this.#options.maps.scratch, valueAt)
    code.alu('mov', r4, BPF_NOEXIST)
    code.helper(helper.mapUpdate)
    // before Linux 6.4 an error comes as 32 bits, with zeros in front
    code.alu('lsh', r0, 32)
    code.alu('arsh', r0, 32)
  }

  #count(counter: number): void {
    const code = this.#code
    code.load(8, r1, r10, contextSlot)
    code.load(4, r2, r1, counter)
    code.alu('add', r2, 1)
    code.store(4, r1, counter, r2)
  }
}

/** r6 = the key with the number in r1, whose context is in `context`; skips where there are no more. */
function emitKey(code: Assembler, options: SweepOptions, context: Register, done: Label): void {
  const { kind, keySize, conversion, batch, maps } = options
  code.store(4, context, at.index, r1)
  if (kind === 'array') {
    code.load(4, r6, context, at.first)
    code.alu('add', r6, r1)
    code.store(4, r10, indexSlot, r6)
    code.alu('mov', r6, r10)
    code.alu('add', r6, indexSlot)
  } else {
    code.jumpIf(r1, '>=', batch, done)
    code.alu('mul', r1, keySize)
    code.mapValue(r6, maps.scratch, scratchLayout(conversion, keySize, batch).keys)
    code.alu('add', r6, r1)
  }
}

/** r0 = the value of the key in r6, of the CPU that the context (in r3) says, or 0. */
function emitLookup(code: Assembler, options: SweepOptions, map: number, context: Register): void {
  const isOfCpu = options.perCpu && options.seesEveryCpu
  if (isOfCpu) code.load(4, r3, context, at.cpu)
  code.map(r1, map)
  code.alu('mov', r2, r6)
  code.helper(isOfCpu ? helper.mapLookupPercpu : helper.mapLookup)
}

/** The function that compares one CPU's new value and snapshot: r1 is the CPU, r2 the context. */
function emitCompareCpu(code: Assembler, options: SweepOptions): void {
  const { maps, conversion, opaque } = options
  const done = code.label()
  code.store(8, r10, contextSlot, r2)
  code.alu('mov', r7, r1)
  code.load(4, r1, r2, at.index)
  emitKey(code, options, r2, done)
  const lookup = (map: number, into: Register): void => {
    code.alu('mov', r3, r7)
    code.map(r1, map)
    code.alu('mov', r2, r6)
    code.helper(helper.mapLookupPercpu)
    code.jumpIf(r0, '==', 0, done)
    code.alu('mov', into, r0)
  }
  lookup(maps.snapshot, r8)
  lookup(maps.next, r9)
  emitAnyDifference(code, r8, r9, conversion.toSize, opaque)
  code.load(8, r1, r10, contextSlot)
  code.load(8, r2, r1, at.differs)
  code.alu('or', r2, r3)
  code.store(8, r1, at.differs, r2)
  code.place(done)
  code.alu('mov', r0, 0)
  code.exit()
}

function roundUp(size: number): number {
  return (size + 7) & ~7
}
