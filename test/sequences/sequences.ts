import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Random } from '../random.ts'

/** Where sequences may pin and attach. */
export interface Grounds {
  /** Directory on bpffs. */
  readonly root: string
  /** Directory of a cgroup v2 file system. */
  readonly cgroup: string
}

/** A random sequence of calls, all of which follow from the seed. */
export interface Sequence {
  readonly seed: number
  readonly steps: number
  /** Some of the steps only. */
  readonly only?: readonly number[]
}

/** What became of it: `undefined` where nothing is wrong. */
export interface Result {
  readonly wrong: string | undefined
  /** The steps that were begun, with what they came to. */
  readonly trail: readonly string[]
}

const ends = ['close', 'leave', 'exit'] as const
const patienceMs = 60_000

/** Does random sequences in processes of their own. */
export class Sequences {
  readonly #grounds: Grounds
  readonly #directory: string
  #count = 0

  private constructor(grounds: Grounds, directory: string) {
    this.#grounds = grounds
    this.#directory = directory
  }

  /** Builds what the processes run, and the library a second time. */
  static async make(grounds: Grounds): Promise<Sequences> {
    const directory = mkdtempSync(join(tmpdir(), 'bpfpin-sequences-'))
    const here = import.meta.url
    const sources = { child: new URL('./child.ts', here), copy: new URL('../../src/index.ts', here) }
    for (const [name, source] of Object.entries(sources)) {
      await build({
        entryPoints: [fileURLToPath(source)],
        outfile: join(directory, `${name}.mjs`),
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        logLevel: 'silent',
        // koffi and the fixtures are found by it
        define: { 'import.meta.url': JSON.stringify(new URL('../fixtures.ts', here).href) },
        external: ['esbuild'],
      })
    }
    return new Sequences(grounds, directory)
  }

  async run({ seed, steps, only }: Sequence): Promise<Result> {
    const name = `sequence-${process.pid}-${this.#count++}`
    const root = join(this.#grounds.root, name)
    const cgroup = join(this.#grounds.cgroup, `bpfpin-${name}`)
    mkdirSync(root)
    mkdirSync(cgroup)
    const end = new Random(seed).of(ends)
    const args = [root, cgroup, seed, steps, end, join(this.#directory, 'copy.mjs'), only?.join(',') ?? '']
    const child = spawn(
      process.execPath,
      ['--expose-gc', join(this.#directory, 'child.mjs'), ...args.map(String)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    try {
      return await resultOf(child)
    } finally {
      removeTree(root)
      rmdirSync(cgroup)
    }
  }

  /** The fewest of its steps, found by leaving out what can be, after which it still goes wrong in the same way; not as few where that is aborted. */
  async reduce(
    sequence: Sequence,
    found: Result,
    signal: AbortSignal,
  ): Promise<Sequence & { readonly only: readonly number[] }> {
    let only = stepsOf(found.trail)
    const isSame = async (less: readonly number[]): Promise<boolean> => {
      const { wrong } = await this.run({ ...sequence, only: less })
      return wrong !== undefined && kindOf(wrong) === kindOf(found.wrong ?? '')
    }
    for (let size = only.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < only.length && !signal.aborted; ) {
        const less = [...only.slice(0, at), ...only.slice(at + size)]
        if (less.length > 0 && (await isSame(less))) only = less
        else at += size
      }
    }
    return { ...sequence, only }
  }

  close(): void {
    rmSync(this.#directory, { recursive: true })
  }
}

function stepsOf(trail: readonly string[]): number[] {
  return [...new Set(trail.flatMap(line => (/^\d+/.test(line) ? [Number.parseInt(line, 10)] : [])))]
}

/** Two failures are the same if they begin alike: numbers and paths differ. */
function kindOf(wrong: string): string {
  return (wrong.split('\n')[0] ?? '').replace(/\d+/g, 'N')
}

async function resultOf(child: ChildProcess): Promise<Result> {
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', text => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', text => (stderr += text))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, patienceMs)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  clearTimeout(timer)
  const trail = stdout.split('\n').filter(Boolean)
  return { wrong: whatIsWrong(), trail }

  function whatIsWrong(): string | undefined {
    if (isLate) return `does not end\n${stderr}`
    if (signal !== null) return `ended by ${signal}\n${stderr}`
    const unexpected = /^unexpected: .*/ms.exec(stderr)?.[0]
    if (unexpected !== undefined) return unexpected
    if (code !== 0) return `ended with ${code}\n${stderr}`
    return undefined
  }
}

/** All of it, as whatever is left there is only pinned. */
function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name))
    else rmSync(join(path, entry.name))
  }
  rmdirSync(path)
}
