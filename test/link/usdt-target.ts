import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import { type BpfObject, type ObjectSpec, openObject, type UsdtTarget } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

/** Where the program with the probes is, under its own name. */
export const scratch: string = mkdtempSync(join(tmpdir(), 'bpfpin-usdt-'))
const binary = join(scratch, 'usdt-target.elf')
copyFileSync(new URL('../fixtures/usdt-target.elf', import.meta.url).pathname, binary)
chmodSync(binary, 0o755)
test.after(() => rmSync(scratch, { recursive: true }))

/** The program with the probes. */
export class Target implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams = spawn(binary)

  get pid(): number {
    return this.#child.pid!
  }

  /** Passes all probes once; how often the semaphore of `counted` was raised then. */
  async fire(): Promise<number> {
    this.#child.stdin.write('x')
    const [answer] = await once(this.#child.stdout, 'data')
    return Number(answer)
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    await once(this.#child, 'exit')
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}

interface Options {
  readonly program?: string
  readonly pid?: number
  readonly version?: number
}

/** The object with one program only. */
export function opened({ program = 'on_probe', pid = 0, version = 1 }: Options = {}): ObjectSpec {
  const spec = openObject(fixture('usdt'), { root: process.env.BPFPIN_TEST_ROOT ?? '', name: 'usdt' })
  for (const one of spec.programs) one.autoload = one.name === program
  spec.variables.get('only_pid').set(pid)
  spec.variables.get('version').set(version)
  return spec
}

export const probe = (name: string, pid?: number): UsdtTarget => ({
  usdt: `bpfpin:${name}`,
  binary,
  ...(pid === undefined ? {} : { pid }),
})

export interface Hit {
  readonly value: readonly bigint[]
  readonly error: readonly number[]
  readonly count: number
  readonly program: number
  readonly cookie: bigint
}

/** What the programs saw so far. */
export function hitsOf(object: BpfObject): Hit[] {
  const count = object.variables.get('hits').get() as number
  return (object.variables.get('seen').get() as unknown as Hit[]).slice(0, count)
}

/** What the places of `counted` pass, each of them. */
export const second = 0x0102030405060708n
export const counted: readonly bigint[] = [-7n, second, -300n]
