import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BpfMap, type ObjectSpec, openObject, openPinned, type PinnedObject } from '../../src/index.ts'
import { bundled } from '../bundled.ts'
import { fixture } from '../fixtures.ts'
import type { Answer, Request } from './messages.ts'

export interface SoakOptions {
  /** Directory on bpffs, empty. */
  readonly root: string
  /** Directory of a cgroup v2 file system, in which cgroups are made. */
  readonly cgroup: string
  readonly processes: number
  readonly seconds: number
  /** More seconds than that on a busy system, until so many operations were done. Default 0. */
  readonly operations?: number
  /** From one look at everything to the next, in seconds. */
  readonly interval: number
  readonly seed: number
  /** Ends it early, as if its time were over. */
  readonly signal?: AbortSignal
  /** Is told of each look. */
  readonly onSample?: (sample: Sample) => void
}

/** All processes at one moment, at which they stand still. */
export interface Sample {
  /** Since the beginning. */
  readonly seconds: number
  readonly operations: number
  readonly events: number
  /** Of the workers together: bytes, open files. */
  readonly rss: number
  readonly descriptors: number
  /** Of that memory, what JavaScript uses. */
  readonly heap: number
  /** What was found since the last look. */
  readonly problems: readonly string[]
}

/** What a soak came to. */
export interface Outcome {
  readonly samples: readonly Sample[]
  /** How often each operation came to what. */
  readonly tally: Readonly<Record<string, number>>
  /** Whatever should not have been. */
  readonly problems: string[]
  readonly generations: number
  /** Maps and programs that were made. */
  readonly made: number
  /** Events that a reader saw that followed all generations, of how many. */
  readonly seen: number
  readonly events: number
}

interface Read {
  readonly number: bigint
  readonly pid: number
}

/**
 * Several processes change and read the same objects, and some of their own, for some time. Every interval they stand still,
 * and all that was counted is compared with what was done.
 */
export async function soak(options: SoakOptions): Promise<Outcome> {
  const place = `${options.cgroup}/bpfpin-soak-${process.pid}`
  mkdirSync(place)
  try {
    return await new Soak(options, place).run()
  } finally {
    for (const name of readdirSync(place))
      if (existsSync(`${place}/${name}/cgroup.procs`)) rmdirSync(`${place}/${name}`)
    rmdirSync(place)
  }
}

class Soak {
  readonly #options: SoakOptions
  readonly #cgroup: string
  readonly #workers: ChildProcess[] = []
  readonly #problems: string[] = []
  readonly #tally: Record<string, number> = {}
  readonly #made = new Set<string>()
  readonly #samples: Sample[] = []
  /** Of each worker. */
  readonly #events = new Map<number, bigint>()
  readonly #seenOf = new Map<number, bigint>()
  #seen = 0
  #told = 0

  constructor(options: SoakOptions, cgroup: string) {
    this.#options = options
    this.#cgroup = cgroup
  }

  async run(): Promise<Outcome> {
    const { root, seconds, operations = 0, interval, signal } = this.#options
    for (const name of ['a', 'b']) this.#spec(name).upgrade().close()
    const following = openPinned('a', { root, follow: true })
    following.on('error', error => this.#problems.push(`following: ${error.stack}`))
    const reader = following.maps.get('reads').events<Read>({ type: 'read' })
    const reading = reader.each(read => this.#see(read)).catch(error => this.#problems.push(String(error)))
    await this.#start()
    try {
      const start = performance.now()
      const elapsed = (): number => (performance.now() - start) / 1000
      for (let isOver = false; !isOver; ) {
        await this.#watch(following, interval)
        await this.#ask('pause')
        const sample = this.#look(elapsed())
        isOver = signal?.aborted || (elapsed() >= seconds && sample.operations >= operations)
        if (!isOver) await this.#ask('go')
      }
      // what was written before the last of it stood still
      await sleep(200)
      await this.#ask('end')
      await Promise.all(this.#workers.map(worker => worker.exitCode === null && once(worker, 'exit')))
    } finally {
      for (const worker of this.#workers) worker.kill('SIGKILL')
    }
    reader.close()
    await reading
    following.close()
    return this.#end()
  }

  #spec(name: string): ObjectSpec {
    const spec = openObject(fixture('soak-1'), { root: this.#options.root, name })
    spec.programs.get('on_read').target = { cgroup: this.#cgroup }
    return spec
  }

  async #start(): Promise<void> {
    const [script = '', ...args] = (await bundled(new URL('./worker.ts', import.meta.url))).slice().reverse()
    const { root, processes, seed } = this.#options
    for (let i = 0; i < processes; i++) {
      const worker = fork(script, [root, this.#cgroup, String(seed + i)], {
        // else V8 enlarges its heap as it likes, up to three times as much, and what leaks would not be seen in it
        execArgv: ['--expose-gc', '--max-semi-space-size=2', ...args.reverse()],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      worker.on('message', (answer: Answer) => this.#take(answer))
      worker.on('exit', (code, signal) => {
        if (code === 0) return
        this.#problems.push(`a worker ended with ${signal ?? code}`)
        this.#onAnswers?.()
      })
      this.#workers.push(worker)
    }
  }

  #see({ number, pid }: Read): void {
    const before = this.#seenOf.get(pid) ?? 0n
    if (number <= before) this.#problems.push(`event ${number} of ${pid} after ${before}`)
    this.#seenOf.set(pid, number)
    this.#seen++
  }

  /** Counts that all versions share never go back, also while they are switched. */
  async #watch({ maps }: PinnedObject, seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000
    const truth: BpfMap = maps.get('truth')
    const before = new Map<unknown, unknown>()
    while (performance.now() < end && !this.#options.signal?.aborted) {
      try {
        for (const [pid, reads] of truth) {
          const last = before.get(pid)
          if (typeof reads !== 'bigint' || (typeof last === 'bigint' && reads < last))
            this.#problems.push(`${pid} counted ${reads} after ${last}`)
          before.set(pid, reads)
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'ERR_MOVED') throw error
      }
      await sleep(20)
    }
  }

  #answers: Answer[] = []
  #onAnswers: (() => void) | undefined

  async #ask(request: Request): Promise<void> {
    this.#answers = []
    for (const worker of this.#workers) if (worker.connected) worker.send(request)
    if (request === 'go') return
    await new Promise<void>(resolve => {
      this.#onAnswers = resolve
      if (this.#workers.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null))
        resolve()
    })
  }

  #take(answer: Answer): void {
    for (const [what, times] of Object.entries(answer.tally))
      this.#tally[what] = (this.#tally[what] ?? 0) + times
    this.#problems.push(...answer.problems)
    for (const id of answer.ids) this.#made.add(id)
    this.#events.set(answer.pid, BigInt(answer.made))
    this.#answers.push(answer)
    if (this.#answers.length === this.#workers.length) this.#onAnswers?.()
  }

  /** All stand still: every event must be counted, in every map, once. */
  #look(seconds: number): Sample {
    for (const name of ['a', 'b']) {
      using object = openPinned(name, { root: this.#options.root })
      this.#compare(`${name}: truth`, object.maps.get('truth'), value => value)
      if (name === 'b') continue
      // whoever goes back has what was converted as it was
      this.#compare(
        `${name}: counts`,
        object.maps.get('counts'),
        value => (value as Record<string, unknown>).reads,
      )
      this.#compare(`${name}: by CPU`, object.maps.get('counts_by_cpu'), value =>
        (value as Record<string, bigint>[]).reduce((sum, { reads = 0n }) => sum + reads, 0n),
      )
    }
    const sum = (of: (answer: Answer) => number): number =>
      this.#answers.reduce((sum, answer) => sum + of(answer), 0)
    const sample = {
      ...{ seconds, operations: sum(({ operations }) => operations), events: sum(({ made }) => made) },
      ...{ rss: sum(({ rss }) => rss), descriptors: sum(({ descriptors }) => descriptors) },
      ...{ heap: sum(({ heap }) => heap), problems: this.#problems.slice(this.#told) },
    }
    this.#told = this.#problems.length
    this.#samples.push(sample)
    this.#options.onSample?.(sample)
    return sample
  }

  #compare(what: string, map: BpfMap, count: (value: unknown) => unknown): void {
    const counted = new Map<unknown, unknown>()
    for (const [pid, value] of map) counted.set(pid, count(value))
    for (const [pid, made] of this.#events) {
      if (counted.get(pid) !== made) this.#problems.push(`${what}: ${counted.get(pid)} of ${made} by ${pid}`)
    }
  }

  async #end(): Promise<Outcome> {
    const { root } = this.#options
    let generations = 0
    for (const name of ['a', 'b']) {
      using object = openPinned(name, { root })
      generations += object.generation
      // of whatever version it is
      for (const version of [1, 2, 3]) {
        const spec = openObject(fixture(`soak-${version}`), { root, name })
        spec.programs.get('on_read').target = { cgroup: this.#cgroup }
        const { kind } = spec.plan({ onMismatch: 'convert-lossy' })
        if (kind !== 'find') continue
        using live = spec.loadPinned()
        const { left, stillAttached } = live.unpin()
        if (left.length + stillAttached.length > 0) this.#problems.push(`${name}: unpinning left something`)
      }
    }
    const left = readdirSync(root)
    if (left.length > 0) this.#problems.push(`left on bpffs: ${left.join(', ')}`)
    await this.#mustBeGone()
    const events = [...this.#events.values()].reduce((sum, made) => sum + Number(made), 0)
    return {
      ...{ samples: this.#samples, tally: this.#tally, problems: this.#problems, generations },
      ...{ made: this.#made.size, seen: this.#seen, events },
    }
  }

  /** The kernel frees maps and programs a little after the last descriptor was closed. */
  async #mustBeGone(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const left = idsThere().filter(id => this.#made.has(id))
      if (left.length === 0) return
      if (tries === 50) {
        this.#problems.push(`still in the kernel: ${left.join(', ')}`)
        return
      }
      await sleep(100)
    }
  }
}

/** `map 7` and the like, of all maps and programs, as bpftool sees them. */
function idsThere(): string[] {
  return ['map', 'prog'].flatMap(kind => {
    const listed: { id: number }[] = JSON.parse(
      execFileSync('bpftool', ['--json', kind, 'list'], { encoding: 'utf8' }),
    )
    return listed.map(({ id }) => `${kind} ${id}`)
  })
}
