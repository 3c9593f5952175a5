// A hundred upgrades of an object with a link of every family, while another process makes events and counts them.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { repeated } from '../effort.ts'
import { Network } from '../link/network.ts'
import { needs } from '../requirements.ts'
import { kinds } from './families.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const cgroup = `${cgroups}/bpfpin-families-${process.pid}`
const script = (name: string): string[] => [
  process.execPath,
  ...process.execArgv,
  new URL(name, import.meta.url).pathname,
]

/** A process that makes events when it is told to. */
class EventSource {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: Interface

  constructor(command: readonly string[]) {
    const [program = '', ...args] = command
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface(this.#process.stdout)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  async ready(): Promise<void> {
    await this.#line()
  }

  async #line(): Promise<string> {
    const [line] = await Promise.race([once(this.#lines, 'line'), once(this.#process, 'exit')])
    if (typeof line === 'string') return line
    throw new Error(`the source of events ended with ${line}`)
  }

  /** Times that its first thread gave way to another. */
  get switches(): number {
    const status = readFileSync(`/proc/${this.pid}/task/${this.pid}/status`, 'latin1')
    return [...status.matchAll(/ctxt_switches:\s+(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0)
  }

  go(): void {
    this.#process.stdin.write('go\n')
  }

  async stop(): Promise<Record<string, number>> {
    this.#process.stdin.write('stop\n')
    return JSON.parse(await this.#line())
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.stdin.end()
    await ended
  }
}

/** What each version has seen of each kind. */
function seen(): Record<string, readonly [number, number]> {
  using object = openPinned('families', { root, readOnly: true })
  const [first, second] = object.variables.get('seen').get() as [bigint[], bigint[]] // u64[2][15]
  return Object.fromEntries(kinds.map((kind, i) => [kind, [Number(first[i]), Number(second[i])] as const]))
}

needs(
  test,
  'root',
  'linux 6.10',
  'ip',
  'nsenter',
)('while an object is upgraded a hundred times, no link of any family misses an event', async () => {
  const times = repeated(100)
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-families-'))
  const ledger = join(scratch, 'ledger')
  mkdirSync(cgroup)
  const network = await Network.make()
  const inNetwork = ['nsenter', `--net=${network.path}`]
  const source = (what: string): string[] => [...script('./families-source.ts'), root, ledger, what]
  const calls = new EventSource([...inNetwork, ...source('calls')])
  const messages = new EventSource(source('messages'))
  await Promise.all([calls.ready(), messages.ready()])
  writeFileSync(`${cgroup}/cgroup.procs`, String(calls.pid))
  const upgrading = (count: number): Promise<string> => {
    const args = [root, ledger, String(calls.pid), cgroup, String(count)]
    const [program, ...rest] = [...inNetwork, ...script('./families-upgrades.ts'), ...args]
    const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    return text(child.stdout)
  }
  try {
    await upgrading(0)
    const switched = calls.switches
    calls.go()
    messages.go()
    const both = JSON.parse(await upgrading(times))
    const { messages: bytes = 0 } = await messages.stop()
    const made = { ...(await calls.stop()), bytes, switches: calls.switches - switched }
    mustHaveSeen(made, both)
  } finally {
    await calls.close()
    await messages.close()
    using open = Root.find(root)
    if (open) unpinObject(open, 'families')
    await network.close()
    rmdirSync(cgroup)
    rmSync(scratch, { recursive: true })
  }
})

/** What there was of each kind; the last three and the packets are switched in place. */
const events: Readonly<Record<string, string>> = {
  ...{ raw: 'calls', btf: 'calls', point: 'calls', probe: 'calls', multi: 'calls', switch: 'switches' },
  ...{
    filter: 'packets',
    egress: 'packets',
    xdp: 'packets',
    tcx: 'packets',
    lookup: 'packets',
    flow: 'packets',
  },
  ...{ walk: 'walks', message: 'bytes', verdict: 'bytes' },
}

/**
 * @param made by kind of event
 * @param both by link, of those that are attached beside the old one: events that may have been made meanwhile
 */
function mustHaveSeen(made: Readonly<Record<string, number>>, both: Readonly<Record<string, number>>): void {
  const overlapping = ['raw', 'btf', 'point', 'probe', 'multi', 'switch', 'filter']
  assert.equal(Object.keys(both).sort(), overlapping.map(kind => `on_${kind}`).sort())
  for (const [kind, [first, second]] of Object.entries(seen())) {
    const count = made[events[kind]!]!
    const text = `${kind}: ${first} and ${second} of ${count}`
    assert.ok(first > 0 && second > 0, text)
    const twice = both[`on_${kind}`]
    if (twice === undefined) assert.is(first + second, count, text)
    else
      assert.ok(
        first + second >= count && first + second <= count + twice,
        `${text}, ${twice} of them to both`,
      )
  }
}

test.run()
