import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { libbpf } from '../scripts/libbpf.ts'

/** One of those that do the same work: a process that is told what to measure, and answers with the time it took. */
export class Contestant {
  readonly #command: readonly string[]
  readonly #process: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(command: readonly string[]) {
    this.#command = command
    const [program = '', ...args] = command
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]()
  }

  /** @returns seconds */
  async ask(...words: readonly (string | number)[]): Promise<number> {
    this.#process.stdin!.write(`${words.join(' ')}\n`)
    const { value, done } = await this.#answers.next()
    const nanoseconds = Number(value)
    if (done || !Number.isFinite(nanoseconds))
      throw new Error(`${words.join(' ')}: ${value ?? 'it has ended'}`)
    return nanoseconds / 1e9
  }

  /** Another process of the same, which has done nothing yet. */
  again(): Contestant {
    return new Contestant(this.#command)
  }

  close(): void {
    this.#process.stdin!.end()
  }
}

export interface Contestants {
  readonly ours: Contestant
  readonly libbpf: Contestant
  readonly floor: Contestant
}

/** Builds the peers, and starts all. */
export function startContestants(scratch: string): Contestants {
  const { include, archive } = libbpf()
  const peers = join(import.meta.dirname, 'peers')
  const compile = (name: string, ...args: readonly string[]): string => {
    const program = join(scratch, name)
    const flags = ['-O2', '-Wall', '-Werror', '-Wno-unused-parameter', '-Wno-format-truncation']
    execFileSync('gcc', [...flags, join(peers, `${name}.c`), '-o', program, ...args])
    return program
  }
  const ours = [...process.execArgv, join(import.meta.dirname, 'ours.ts')]
  return {
    ours: new Contestant([process.execPath, ...ours]),
    libbpf: new Contestant([
      compile('libbpf', `-I${include}`, archive, '-lelf', '-lz', '-Wl,--wrap=syscall'),
    ]),
    floor: new Contestant([compile('floor')]),
  }
}
