import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildSync } from 'esbuild'
import { libbpf } from '../scripts/libbpf.ts'

/** What a contestant is asked to do once, and to measure. */
export interface Task {
  readonly operation: string
  /** How many maps, entries, ...; what of them, the operation knows. */
  readonly n?: number
  /** An object, or another file that the operation reads. */
  readonly file?: string
  /** Where it may pin. */
  readonly root?: string
}

/** What contestants found, by what they were asked: those who do the same work find the same. */
const found = new Map<string, { readonly by: string; readonly what: string }>()

/** One of those that do the same work: a process that is told what to measure, and answers with the time it took. */
export class Contestant {
  readonly #name: string
  readonly #command: readonly string[]
  readonly #process: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(name: string, command: readonly string[]) {
    this.#name = name
    this.#command = command
    const [program = '', ...args] = command
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // whoever dies has been asked something, and the answer says that it has ended
    this.#process.stdin!.on('error', () => {})
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]()
  }

  /**
   * @returns seconds
   * @throws Error where it fails, or finds something else than those that were asked the same before.
   */
  async ask({ operation, n = 0, file = '/', root = '/' }: Task): Promise<number> {
    if (/\s/.test(file + root)) throw new Error(`'${file}', '${root}': the peers take no paths with spaces`)
    const question = `${operation} ${n} ${file} ${root}`
    this.#process.stdin!.write(`${question}\n`)
    const { value: answer = 'it has ended' } = await this.#answers.next()
    const [time = '', ...what] = answer.split(' ')
    if (!/^\d+$/.test(time)) throw new Error(`${this.#name}: ${question}: ${answer}`)
    this.#agree(question, what.join(' '))
    return Number(time) / 1e9
  }

  /** Another process of the same, which has done nothing yet. */
  again(): Contestant {
    return new Contestant(this.#name, this.#command)
  }

  close(): void {
    this.#process.stdin!.end()
  }

  #agree(question: string, what: string): void {
    const before = found.get(question)
    if (before === undefined) found.set(question, { by: this.#name, what })
    else if (before.what !== what) {
      throw new Error(`${question}: ${before.by} found '${before.what}', ${this.#name} '${what}'`)
    }
  }
}

/** Programs in C, in `peers/`. */
export type Peer = 'libbpf' | 'floor' | 'btf' | 'access' | 'convert' | 'processes' | 'ring'

/** All that are measured, each started when it is first asked for. */
export class Contestants {
  readonly #scratch: string
  readonly #started = new Map<string, Contestant>()

  /** @param scratch a directory to build the peers in */
  constructor(scratch: string) {
    this.#scratch = scratch
  }

  /** Us: the sources in one file, which starts in a twentieth of the time. */
  get ours(): Contestant {
    return this.#start('ours', () => [process.execPath, this.#bundle()])
  }

  peer(name: Peer): Contestant {
    return this.#start(name, () => [this.#build(name)])
  }

  /** The program of a peer, to be run as often as one likes. */
  program(name: Peer): string {
    return this.#build(name)
  }

  close(): void {
    for (const contestant of this.#started.values()) contestant.close()
  }

  #start(name: string, command: () => readonly string[]): Contestant {
    const started = this.#started.get(name) ?? new Contestant(name, command())
    this.#started.set(name, started)
    return started
  }

  #bundle(): string {
    const outfile = join(this.#scratch, 'ours.mjs')
    buildSync({
      ...{ entryPoints: [join(import.meta.dirname, 'ours.ts')], outfile, bundle: true, external: ['koffi'] },
      ...{ format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' },
      // koffi is found from here
      define: { 'import.meta.url': JSON.stringify(import.meta.url) },
    })
    return outfile
  }

  #build(name: Peer): string {
    const { include, archive } = libbpf()
    const source = join(import.meta.dirname, 'peers', `${name}.c`)
    const program = join(this.#scratch, name)
    const flags = ['-O2', '-Wall', '-Werror', '-Wno-unused-parameter', '-Wno-format-truncation']
    // one of them puts something in the place of programs
    const wrap = name === 'libbpf' ? ['-Wl,--wrap=syscall'] : []
    const library = [`-I${include}`, archive, '-lelf', '-lz', ...wrap]
    execFileSync('gcc', [...flags, source, '-o', program, ...library])
    return program
  }
}
