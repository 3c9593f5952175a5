import { ENOMEM, refilling } from '../map/batches.ts'
import { thisMachine } from '../map/index.ts'
import { isIndexed } from '../plan/map-families.ts'
import { mapTypes, programFlag, programTypes } from '../spec/kernel.ts'
import { assembleSweep, type SweepProgram, scratchLayout, sweepContext } from '../spec/sweep/sweep.ts'
import {
  allocate,
  btfLoad,
  closeFd,
  getAffinity,
  type Memory,
  mapCreate,
  mapUpdate,
  progLoad,
  progTestRun,
  setAffinity,
  systemError,
} from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'
import { isPerCpu, type LiveConversion } from './conversion.ts'

/** Larger values are carried from user space: tested up to here, the verifier's limit is not far beyond. */
export const largestSwept = 262_144
/** Larger ones are looked at one a run: then the verifier goes through the program once. */
const largestInBatch = 2048
const keysAtOnce = 4096

/** What one run, or several, came to. */
export interface SweepCount {
  /** Entries in which something had changed. */
  changed: number
  /** Entries that the new map or the snapshot did not take. */
  failed: number
  /** The last reason, a negative errno. */
  error: number
}

/**
 * The sweep program of one map, loaded; `undefined` where none can be made, or the kernel takes none: then the map is
 * swept from user space.
 */
export function loadSweep(conversion: LiveConversion, snapshot: number): SweepRunner | undefined {
  const { old, value } = conversion
  const sweepable = /^(lru_)?(percpu_)?hash$|^(percpu_)?array$/.test(old.shape.type)
  if (!sweepable || conversion.convert || Math.max(value.fromSize, value.toSize) > largestSwept)
    return undefined
  const batch = value.toSize > largestInBatch ? 1 : keysAtOnce
  for (const [keys, seesEveryCpu] of [
    [batch, true],
    [1, true],
    [1, false],
  ] as const) {
    const runner = tryLoad(conversion, snapshot, keys, seesEveryCpu)
    if (runner) return runner
  }
  return undefined
}

function tryLoad(
  conversion: LiveConversion,
  snapshot: number,
  batch: number,
  seesEveryCpu: boolean,
): SweepRunner | undefined {
  const { old, new: next, value, opaque = [] } = conversion
  const { keySize } = old.shape
  const layout = scratchLayout(value, keySize, batch)
  const scratch = mapCreate({
    type: mapTypes.array,
    keySize: 4,
    valueSize: layout.size,
    maxEntries: 1,
    name: 'bpfpin_scratch',
  })
  if (scratch < 0) return undefined
  let program = -1
  try {
    const made = assembleSweep({
      kind: isIndexed(old.shape.type) ? 'array' : 'hash',
      perCpu: isPerCpu(old.shape),
      keySize,
      conversion: value,
      opaque,
      maps: { old: old.fd, snapshot, next: next.fd, scratch },
      batch,
      seesEveryCpu,
    })
    program = loadProgram(made)
  } catch {
    // a layout for which no program can be written
  }
  if (program >= 0) return new SweepRunner(program, scratch, conversion, batch, layout, seesEveryCpu)
  closeFd(scratch)
  return undefined
}

function loadProgram({ instructions, btf, functionInfo }: SweepProgram): number {
  const btfFd = btfLoad(btf)
  if (btfFd < 0) return btfFd
  const fd = progLoad({
    type: programTypes.syscall,
    instructions,
    license: 'GPL',
    name: 'bpfpin_sweep',
    flags: programFlag.SLEEPABLE,
    btfFd,
    functionInfo: { recordSize: 8, bytes: functionInfo },
  })
  closeFd(btfFd)
  return fd
}

/** Runs the sweep program of one map. */
export class SweepRunner {
  /** Keys that one run takes. */
  readonly batch: number
  readonly #program: number
  readonly #scratch: number
  readonly #what: string
  readonly #keySize: number
  readonly #keysAt: number
  readonly #isArray: boolean
  readonly #seesEveryCpu: boolean
  readonly #index: Memory = allocate(4)
  readonly #value: Memory
  readonly #context = new Uint32Array(sweepContext.words)
  /** For memory, in vain: once that was too long it is not waited for again. */
  #pauses = 0
  readonly #contextBytes = new Uint8Array(this.#context.buffer)

  constructor(
    program: number,
    scratch: number,
    { name, old }: LiveConversion,
    batch: number,
    layout: { readonly size: number; readonly keys: number },
    seesEveryCpu: boolean,
  ) {
    this.#program = program
    this.#scratch = scratch
    this.#what = `map '${name}'`
    this.#keySize = old.shape.keySize
    this.#isArray = isIndexed(old.shape.type)
    this.#keysAt = layout.keys
    this.#value = allocate(layout.size)
    this.#seesEveryCpu = seesEveryCpu
    this.batch = batch
  }

  /** Looks at `count` keys from `first` on: indices of an array, else keys of the batch. */
  run(keys: Memory | undefined, first: number, count: number, cpu: number, sum: SweepCount): void {
    const context = this.#context
    for (let start = first; start < first + count; start += this.batch) {
      const now = Math.min(this.batch, first + count - start)
      if (!this.#isArray && keys) this.#give(keys, start, now)
      this.#runOnce(start, now, cpu)
      // what was carried is not carried again
      while (this.#lacksMemory() && this.#pauses < refilling.mostPauses) {
        this.#pauses = context[sweepContext.changed] === 0 ? this.#pauses + 1 : 0
        sum.changed += context[sweepContext.changed]!
        pause(refilling.pauseMs)
        this.#runOnce(start, now, cpu)
      }
      sum.changed += context[sweepContext.changed]!
      sum.failed += context[sweepContext.failed]!
      if (context[sweepContext.failed] !== 0) sum.error = context[sweepContext.error]! | 0
    }
  }

  #lacksMemory(): boolean {
    const context = this.#context
    return context[sweepContext.failed] !== 0 && (context[sweepContext.error]! | 0) === ENOMEM
  }

  #runOnce(first: number, count: number, cpu: number): void {
    const context = this.#context
    context.fill(0)
    context[sweepContext.count] = count
    context[sweepContext.first] = first
    context[sweepContext.cpu] = cpu
    context[sweepContext.cpus] = thisMachine().possibleCpus
    const { result } = progTestRun(this.#program, { contextIn: this.#contextBytes })
    if (result >= 0) return
    const doing = `sweeping ${this.#what}`
    throw systemError(result, 'bpf(BPF_PROG_TEST_RUN)', { doing, since: '5.14' })
  }

  #give(keys: Memory, start: number, count: number): void {
    const from = start * this.#keySize
    this.#value.bytes.set(keys.bytes.subarray(from, from + count * this.#keySize), this.#keysAt)
    const result = mapUpdate(this.#scratch, this.#index, this.#value)
    if (result < 0) throw systemError(result, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing: `sweeping ${this.#what}` })
  }

  /**
   * Calls back once for each CPU, on that CPU, as its programs change its values by plain instructions. A CPU that this
   * process cannot be on is gone through from another one: right where it is offline, since nothing runs there.
   */
  onEachCpu(work: (cpu: number) => void): void {
    const allowed = getAffinity()
    if (typeof allowed === 'number')
      throw systemError(allowed, 'sched_getaffinity', { doing: `sweeping ${this.#what}` })
    try {
      for (let cpu = 0; cpu < thisMachine().possibleCpus; cpu++) {
        const moved = setAffinity([cpu])
        if (moved >= 0 || this.#seesEveryCpu) work(cpu)
      }
    } finally {
      setAffinity(allowed)
    }
  }

  close(): void {
    closeFd(this.#program)
    closeFd(this.#scratch)
  }
}
