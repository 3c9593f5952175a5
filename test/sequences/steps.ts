// What a random sequence is made of. Everything is drawn from numbers that begin anew with each step, so that a step does the
// same when others before it are left out, as far as what it works on is there.
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type * as Library from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { Random } from '../random.ts'
import { any, list, OwnError, options, type Pool } from './arguments.ts'

export interface Place {
  readonly root: string
  readonly cgroup: string
}

/** Objects that share a name are versions of one object. */
const fixtures: readonly (readonly [file: string, name: string])[] = [
  ['counter', 'counter'],
  ['counter-wider', 'counter'],
  ['events', 'events'],
  ['arena', 'arena'],
  ['map-types', 'types'],
  ['map-kinds', 'kinds'],
  ['map-slots', 'slots'],
  ['upgrade-kinds-1', 'kinds'],
  ['upgrade-kinds-2', 'kinds'],
  ['soak-1', 'soak'],
  ['soak-3', 'soak'],
  ['link-iter', 'iter'],
  ['resize', 'resize'],
  ['locked', 'locked'],
]

/** What a step returned or threw, in a word. */
export type Outcome = string

/** Not for users (`@internal`), or to be given only what the sequence itself makes. */
const notCalled = new Set<string | symbol>([
  ...[
    'constructor',
    'become',
    'learn',
    'unknownTurn',
    'pinBy',
    'attachUnpinned',
    'onAttach',
    'parts',
    'wake',
    'follow',
    'settle',
    'fail',
  ],
  ...['spec', 'point', 'prepare', 'throw', 'copyOf', 'keptBy', 'keptAlone'],
])

/** A sequence, and all that it has made. */
export class Sequence {
  /** Of each kind of a few only, or all would be of one. */
  handles: object[] = []
  readonly values: unknown[] = []
  /** Whatever can be closed, to the end. */
  readonly closers: { close(): void }[] = []
  readonly workers: Worker[] = []
  readonly #libraries: readonly (typeof Library)[]
  readonly #place: Place
  readonly #seed: number
  readonly #script: string | undefined
  readonly #isWhole: boolean
  #random: Random
  #depth = 0

  /** @param isWhole everything is closed in the end, by its owner: nothing is forgotten, no thread ended midway */
  constructor(
    libraries: readonly (typeof Library)[],
    place: Place,
    {
      seed,
      script,
      isWhole,
    }: { readonly seed: number; readonly script: string | undefined; readonly isWhole: boolean },
  ) {
    this.#libraries = libraries
    this.#place = place
    this.#seed = seed
    this.#script = script
    this.#isWhole = isWhole
    this.#random = new Random(seed)
  }

  /** @throws whatever the library throws */
  async step(index: number): Promise<Outcome> {
    this.#random = new Random(this.#seed * 65_537 + index)
    const [name] = this.#choose()
    return (await steps[name]!.call(this)) ?? name
  }

  #choose(): readonly [string, number] {
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
    let at = this.#random.below(total)
    return weights.find(([, weight]) => (at -= weight) < 0) ?? weights[0]!
  }

  get #pool(): Pool {
    const names = [
      'by_process',
      'flows',
      'hash',
      'array',
      'events',
      'samples',
      'orders',
      'event',
      'on_enter',
      'any',
      'noexist',
      'reads',
      'read',
    ]
    return {
      ...{ random: this.#random, handles: this.handles, values: this.values },
      names,
      sizes: [0, 1, 4, 8, 14, 16, 20, 24, 32, 64, 128],
      disturb: () => this.#disturb(),
    }
  }

  /** Does something while a call is under way, but not without end. */
  #disturb(): void {
    if (this.#depth > 2) return
    this.#depth++
    try {
      this.poke()
    } catch (error) {
      mustBeExpected(error)
    } finally {
      this.#depth--
    }
  }

  #of<T>(choices: readonly T[]): T {
    return this.#random.of(choices)
  }

  #library(): typeof Library {
    return this.#of(this.#libraries)
  }

  #ofKind<T extends object>(name: string): T | undefined {
    const found = this.handles.filter(handle => classOf(handle) === name)
    return found.length === 0 ? undefined : (this.#of(found) as T)
  }

  open(): Outcome {
    const [file, name] = this.#of(fixtures)
    const spec = this.#library().openObject(fixture(file), { root: this.#place.root, name })
    for (const program of spec.programs) {
      if (program.section.startsWith('cgroup')) program.target = { cgroup: this.#place.cgroup }
      // of those that run on every event of the system
      if (program.section.startsWith('raw_tp') || program.section.includes('tracepoint'))
        program.autoattach = this.#random.below(8) === 0
      if (program.section.startsWith('tc') || program.section.startsWith('xdp')) program.autoattach = false
      if (this.#random.below(12) === 0) program.autoload = false
      if (this.#random.below(20) === 0) program.link.pinPath = null
    }
    for (const map of spec.maps) {
      if (this.#random.below(12) === 0) map.maxEntries = this.#of([0, 1, 64, 1000, 4096, 2 ** 32])
      if (this.#random.below(30) === 0)
        map.pinPath = this.#of([null, `${this.#place.root}/apart`, `${this.#place.root}/apart-${map.name}`])
    }
    for (const variable of spec.variables)
      if (this.#random.below(10) === 0) attempt(() => variable.set(any(this.#pool) as never))
    this.keep(spec)
    return `open ${file}`
  }

  live(): Outcome | undefined {
    const spec = this.#ofKind<Library.ObjectSpec>('ObjectSpec')
    if (!spec) return this.open()
    const what = this.#of(['load', 'load', 'loadPinned', 'upgrade', 'upgrade', 'plan', 'install'] as const)
    if (what === 'plan')
      spec.plan({ onMismatch: this.#of(['refuse', 'convert', 'convert-lossy', 'replace']) })
    else if (what === 'loadPinned') this.keep(spec.loadPinned())
    else if (what === 'upgrade') {
      const onMismatch = this.#of(['refuse', 'convert', 'convert-lossy', 'replace'] as const)
      const callbacks = this.#random.below(4) === 0 ? { onProgress: () => this.#disturb() } : {}
      this.keep(
        spec.upgrade({
          onMismatch,
          waitMs: 20,
          keepPrevious: this.#random.below(2) === 0,
          allowGap: true,
          ...callbacks,
        }),
      )
    } else {
      const given = this.#ofKind<Library.BpfMap>('BpfMap')
      const live = spec.load(given && this.#random.below(10) === 0 ? { maps: { [given.name]: given } } : {})
      this.keep(live)
      if (what === 'install') {
        live.attach()
        live.pin({ waitMs: 20 })
      }
    }
    return `${what} ${spec.name}`
  }

  pinned(): Outcome {
    const { openPinned, openMap } = this.#library()
    const { root } = this.#place
    const names = readdirSync(root)
    const name = names.length === 0 || this.#random.below(10) === 0 ? 'nothing' : this.#of(names)
    if (this.#random.below(3) > 0) {
      const follow = this.#random.below(3) === 0
      const object = openPinned(`${root}/${name}`, { readOnly: this.#random.below(3) === 0, follow })
      object.on('error', error => mustBeExpected(error))
      object.on('generation', () => this.#disturb())
      this.keep(object)
      return `openPinned ${name}`
    }
    const maps = `${root}/${name}/maps`
    const pins = existsSync(maps) ? readdirSync(maps) : []
    this.keep(
      openMap(pins.length === 0 ? maps : `${maps}/${this.#of(pins)}`, {
        readOnly: this.#random.below(2) === 0,
      }),
    )
    return 'openMap'
  }

  /** Takes parts out of what there is: maps, programs, links, variables. */
  part(): Outcome {
    const whole = this.#ofKind<Library.BpfObject>(
      this.#of(['BpfObject', 'BpfObject', 'PinnedObject', 'ObjectSpec']),
    )
    if (!whole) return this.pinned()
    const collection = whole[this.#of(['maps', 'maps', 'programs', 'variables', 'links'] as const)]
    const items = collection ? [...collection] : []
    if (items.length > 0) this.keep(this.#of<object>(items))
    return 'part'
  }

  /** Has programs write events, some with a reader, some without. */
  events(): Outcome {
    for (const program of this.handles.flatMap(handle =>
      classOf(handle) === 'BpfObject' ? [...(handle as Library.BpfObject).programs] : [],
    )) {
      if (!['write_events', 'write_sizes', 'take_orders', 'write_samples'].includes(program.name)) continue
      const width = program.name === 'write_sizes' ? Uint32Array : BigUint64Array
      const words = [this.#random.below(100), this.#random.below(600), 0]
      const context = width === Uint32Array ? Uint32Array.from(words) : BigUint64Array.from(words.map(BigInt))
      program.run({ context: new Uint8Array(context.buffer) })
    }
    return 'events'
  }

  reader(): Outcome {
    const map = this.handles.find(
      (handle): handle is Library.BpfMap =>
        classOf(handle) === 'BpfMap' &&
        /ringbuf|perf/.test((handle as Library.BpfMap).type) &&
        this.#random.below(2) === 0,
    )
    if (!map) return this.part()
    if (map.type === 'user_ringbuf') {
      this.keep(map.writer({ type: 'event' }))
      return 'writer'
    }
    const reader = map.events(this.#random.below(2) === 0 ? { type: 'event' } : {})
    this.keep(reader)
    const use = (): void => {
      if (this.#random.below(6) === 0) this.#disturb()
      if (this.#random.below(50) === 0) throw new OwnError('while reading')
    }
    const way = this.#random.below(4)
    if (way === 0) settle(reader.each(use))
    else if (way === 1) settle(reader.eachRaw(use))
    else if (way === 2) settle(reading(reader, use))
    return 'reader'
  }

  /** Calls any method of anything, with anything. */
  poke(): Outcome {
    if (this.handles.length === 0) return this.open()
    const handle = this.#of(this.handles)
    const names = methodsOf(handle)
    const name = this.#of(names)
    const found = (handle as Record<string | symbol, unknown>)[name]
    const text = `${classOf(handle)}.${String(name)}`
    if (typeof found !== 'function') return text
    const result: unknown = found.apply(handle, argumentsFor(text, this.#pool))
    this.take(result)
    return text
  }

  /** What a call gave is worked with. */
  take(result: unknown): void {
    if (result instanceof Promise) settle(result.then(more => this.take(more)))
    else if (typeof result !== 'object' || result === null) this.#remember(result)
    else if ('next' in result) this.#walk(result as Iterator<unknown>)
    else if (isHandle(result)) this.keep(result)
    else this.#remember(result)
  }

  #walk(iterator: Iterator<unknown>): void {
    for (let i = this.#random.below(6); i > 0; i--) {
      const next: unknown = iterator.next()
      if (next instanceof Promise) settle(next)
      else this.#remember((next as IteratorResult<unknown>).value)
      if (this.#random.below(4) === 0) this.#disturb()
    }
    // some are left where they are
    if (this.#random.below(2) === 0) {
      const ended: unknown = iterator.return?.()
      if (ended instanceof Promise) settle(ended)
    } else this.handles.push(iterator)
  }

  #remember(value: unknown): void {
    if (value === null || value === undefined) return
    if (this.values.length < 50) this.values.push(value)
    else this.values[this.#random.below(50)] = value
  }

  keep(handle: object): void {
    if (this.handles.length >= 60) this.handles.splice(this.#random.below(this.handles.length), 1)
    this.handles.push(handle)
    if ('close' in handle && typeof handle.close === 'function')
      this.closers.push(handle as { close(): void })
  }

  /** Closes something, in one way or the other; it stays among the handles. */
  end(): Outcome {
    const handle = this.handles.length > 0 ? this.#of(this.handles) : undefined
    if (handle === undefined) return this.open()
    if (Symbol.dispose in handle && this.#random.below(2) === 0) (handle as Disposable)[Symbol.dispose]()
    else if ('close' in handle) (handle as { close(): void }).close()
    return `close ${classOf(handle)}`
  }

  unpin(): Outcome {
    const object = this.#ofKind<Library.BpfObject>('BpfObject')
    if (!object) return this.live() ?? 'live'
    if (this.#random.below(2) === 0) object.unpin({ waitMs: 20 })
    else object.rollback({ waitMs: 20, allowGap: true })
    return 'unpin'
  }

  forget(): Outcome {
    for (let i = 0; i < 5 && this.handles.length > 0; i++) {
      const [gone] = this.handles.splice(this.#random.below(this.handles.length), 1)
      // what nobody can close any more
      if (!this.#isWhole) this.closers.splice(this.closers.indexOf(gone as never), 1)
    }
    return 'forget'
  }

  gc(): Outcome {
    ;(globalThis as { gc?: () => void }).gc?.()
    return 'gc'
  }

  async turn(): Promise<Outcome> {
    if (this.#random.below(3) === 0) await sleep(this.#random.below(4))
    else await nextTurn()
    return 'turn'
  }

  signal(): Outcome {
    process.kill(process.pid, 'SIGUSR2')
    return 'signal'
  }

  statistics(): Outcome {
    this.keep(this.#library().enableStats())
    return 'enableStats'
  }

  /** A thread that does the same, with the same pins, and is ended at any moment. */
  async worker(): Promise<Outcome> {
    if (this.workers.length >= 2 || this.#script === undefined) return this.terminate()
    const workerData = { seed: this.#random.below(2 ** 31), ...this.#place, steps: 60 }
    const worker = new Worker(this.#script, { workerData, execArgv: [] })
    worker.on('error', error => fail(error))
    // koffi ends the process where its thread is ended while it is being loaded (docs/reliability.md)
    await Promise.race([once(worker, 'message'), once(worker, 'exit')])
    this.workers.push(worker)
    return 'worker'
  }

  terminate(): Outcome {
    const worker = this.#isWhole ? undefined : this.workers.pop()
    if (worker) settle(worker.terminate())
    return 'terminate'
  }

  directory(): Outcome {
    mkdirSync(`${this.#place.root}/strange`, { recursive: true })
    return 'mkdir'
  }
}

const steps: Readonly<Record<string, (this: Sequence) => Outcome | undefined | Promise<Outcome>>> = {
  open: Sequence.prototype.open,
  live: Sequence.prototype.live,
  pinned: Sequence.prototype.pinned,
  part: Sequence.prototype.part,
  events: Sequence.prototype.events,
  reader: Sequence.prototype.reader,
  poke: Sequence.prototype.poke,
  end: Sequence.prototype.end,
  unpin: Sequence.prototype.unpin,
  forget: Sequence.prototype.forget,
  gc: Sequence.prototype.gc,
  turn: Sequence.prototype.turn,
  signal: Sequence.prototype.signal,
  statistics: Sequence.prototype.statistics,
  worker: Sequence.prototype.worker,
  directory: Sequence.prototype.directory,
}

const weights: readonly (readonly [string, number])[] = [
  ['open', 8],
  ['live', 10],
  ['pinned', 6],
  ['part', 24],
  ['events', 5],
  ['reader', 6],
  ['poke', 90],
  ['end', 9],
  ['unpin', 3],
  ['forget', 1],
  ['gc', 2],
  ['turn', 14],
  ['signal', 1],
  ['statistics', 1],
  ['worker', 1],
  ['directory', 1],
]

/** Of whichever copy: esbuild renames a class that has private static parts. */
function classOf(handle: object): string {
  return handle.constructor.name.replace(/^_/, '')
}

/** Of its own class and those above, but not of Node's. */
function methodsOf(handle: object): (string | symbol)[] {
  const names = new Set<string | symbol>()
  for (
    let proto: object = Object.getPrototypeOf(handle);
    proto !== null && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    if (/^(EventEmitter|Readable)$/.test(proto.constructor.name)) break
    for (const name of Reflect.ownKeys(proto)) if (!notCalled.has(name)) names.add(name)
  }
  return names.size === 0 ? ['toString'] : [...names]
}

function isHandle(value: object): boolean {
  const { name } = value.constructor ?? {}
  return name !== undefined && !/^(Object|Array|Map|Set|Date|Uint8Array|Buffer|Error)$/.test(name)
}

/** Most calls are given what they take, but for what would go on for hours. */
function argumentsFor(text: string, pool: Pool): unknown[] {
  const { random } = pool
  // who waits long for locks finds nothing
  if (/\.(upgrade|pin|unpin|rollback|attach|plan|load)$/.test(text) && random.below(2) === 0) {
    const given = options(pool)
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
    return [isObject ? { waitMs: 5, ...given } : given]
  }
  if (/^BpfProgram\.run$/.test(text)) {
    const context = Uint8Array.from({ length: 24 }, (_, i) => (i % 8 === 0 ? random.below(50) : 0))
    return [
      random.of([
        {},
        { context },
        { data: new Uint8Array(64) },
        { data: new Uint8Array(64), repeat: 10 },
        { context, cpu: 0 },
      ]),
    ]
  }
  if (/\.(upgrade|pin|unpin|rollback|attach)$/.test(text)) return [{ waitMs: random.of([0, 5]) }]
  if (/\.resize$/.test(text)) return [random.of([1, 2, 100, 0, -1, 1.5])]
  return list(pool)
}

async function reading(reader: AsyncIterable<unknown>, use: () => void): Promise<void> {
  let count = 0
  for await (const _ of reader) {
    use()
    if (++count > 100) break
  }
}

function attempt(run: () => void): void {
  try {
    run()
  } catch (error) {
    mustBeExpected(error)
  }
}

/** What comes later may fail as a call may. */
function settle(promise: Promise<unknown>): void {
  promise.catch(mustBeExpected)
}

/** @throws what is no error of the library's, and none that a callback of ours has thrown */
export function mustBeExpected(error: unknown): void {
  if (error instanceof OwnError) return
  if (error instanceof Error && /^(Bpf|Elf|Btf|Verifier|PinMismatch)Error$/.test(error.name)) {
    const { code, message } = error as Library.BpfError
    if (typeof code === 'string' && message !== '' && code !== 'EBADF') return
  }
  fail(error)
}

/** Ends the process: there is nothing that such an error leaves whole. */
export function fail(error: unknown): never {
  process.stderr.write(
    `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exit(failed)
}

export const failed = 70
