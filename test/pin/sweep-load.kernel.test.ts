import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { thisMachine } from '../../src/map/index.ts'
import { copyEntries } from '../../src/pin/copy.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { loadSweep } from '../../src/pin/sweep-runner.ts'
import { waitForPrograms } from '../../src/pin/wait.ts'
import { closeFd } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { liveConversion } from './carried.ts'

const kinds = ['hash', 'lru', 'array', 'percpu_hash', 'percpu_array'] as const
// an emulator is slow
const runs = Number(process.env.BPFPIN_SWEEP_RUNS ?? (process.env.BPFPIN_MACHINE ? 1 : 3))

/** Processes that do nothing but call the kernel, one a CPU. */
class Callers {
  readonly #processes: ChildProcess[]

  constructor(count: number) {
    const args = ['if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=1000000000']
    this.#processes = Array.from({ length: count }, () => spawn('dd', args, { stdio: 'ignore' }))
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#processes.map(async process => {
        const ended = once(process, 'exit')
        process.kill('SIGKILL')
        await ended
      }),
    )
  }
}

interface Flow {
  readonly packets: bigint
  readonly bytes: bigint
}

function add(sum: Flow, { packets, bytes }: Flow): Flow {
  return { packets: sum.packets + packets, bytes: sum.bytes + bytes }
}

/** Switches from the old program to the new one under load, as an upgrade does, and counts what became of each key. */
async function switchOnce(): Promise<{ events: bigint; wrong: string[] }> {
  using object = openObject(fixture('carry')).load()
  const program = (name: string) => object.programs.get(name)
  const conversions = kinds.map(kind =>
    liveConversion(object.maps.get(`old_${kind}`), object.maps.get(`new_${kind}`)),
  )
  const snapshots = conversions.map(createSnapshot)
  const oldLink = program('old_event').attach()
  const callers = new Callers(2)
  try {
    await pause(30)
    conversions.forEach((conversion, i) => {
      assert.ok(copyEntries(conversion, snapshots[i]!).inKernel, `${kinds[i]} is swept in the kernel`)
    })
    using _new = program('new_event').attach()
    oldLink.close()
    waitForPrograms()
    await pause(5)
    conversions.forEach((conversion, i) => {
      const report = sweepEntries(conversion, snapshots[i]!)
      assert.equal([report.failed, report.inKernel], [0, true], kinds[i])
    })
    await pause(5)
  } finally {
    await callers.stop()
    oldLink.close()
    for (const fd of snapshots) closeFd(fd)
  }
  waitForPrograms()
  const wrong: string[] = []
  for (const [key, value] of object.maps.get('truth').entries()) {
    // decoded by BTF: struct flow
    const truth = add({ packets: 0n, bytes: 0n }, value as unknown as Flow)
    for (const kind of kinds) {
      const got = object.maps.get(`new_${kind}`).get(key) ?? []
      const values = (Array.isArray(got) ? got : [got]) as unknown as Flow[]
      const { packets, bytes } = values.reduce(add, { packets: 0n, bytes: 0n })
      if (packets !== truth.packets || bytes !== truth.bytes)
        wrong.push(
          `${kind}[${key}]: ${packets} packets, ${bytes} bytes; truth ${truth.packets}, ${truth.bytes}`,
        )
    }
  }
  return { events: object.variables.get('events').get() as bigint, wrong }
}

needs(test, 'root')(
  'sums are exact, key by key, in every kind of map when programs switch under load',
  async () => {
    let events = 0n
    for (let run = 0; run < runs; run++) {
      const done = await switchOnce()
      assert.equal(done.wrong, [], `run ${run}`)
      events += done.events
    }
    assert.ok(events > 1000n * BigInt(runs), `${events} events`)
    if (process.env.BPFPIN_SWEEP_RUNS) console.log(`${runs} runs, ${events} events`)
  },
)

needs(test, 'root')(
  'nothing is lost where programs write the very entry that is being swept, again and again',
  async () => {
    using object = openObject(fixture('carry')).load()
    object.variables.get('mask').set(0)
    const sums = ['array', 'percpu_array'].map(kind => {
      const [old, next] = [object.maps.get(`old_${kind}`), object.maps.get(`new_${kind}`)]
      const live = liveConversion(old, next)
      const snapshot = createSnapshot(live)
      const runner = loadSweep(live, snapshot)
      if (!runner) throw new Error(`no program for ${kind}`)
      return { kind, old, next, snapshot, runner }
    })
    const cpus = thisMachine().possibleCpus
    const rounds = 20_000
    const count = { changed: 0, failed: 0, error: 0 }
    const callers = new Callers(2)
    try {
      using _new = object.programs.get('new_event').attach()
      for (const { kind, old, runner } of sums) {
        const onCpu = (cpu: number): void => {
          for (let round = 1; round <= rounds; round++) {
            // counts on one CPU at a time: what the others have of it is what they had
            const flow = (packets: number) => ({ packets, bytes: 0, state: 0 })
            const flows = Array.from({ length: cpus }, (_, i) =>
              flow(i < cpu ? rounds : i === cpu ? round : 0),
            )
            old.set(0, kind === 'array' ? flow(round) : flows)
            runner.run(undefined, 0, 1, cpu, count)
          }
        }
        if (kind === 'array') onCpu(0)
        else runner.onEachCpu(onCpu)
      }
    } finally {
      await callers.stop()
      for (const { snapshot, runner } of sums) {
        closeFd(snapshot)
        runner.close()
      }
    }
    waitForPrograms()
    // decoded by BTF: struct flow
    const { packets } = object.maps.get('truth').get(0) as unknown as Flow
    const total = (kind: string): bigint => {
      const got = object.maps.get(`new_${kind}`).get(0)
      const values = (Array.isArray(got) ? got : [got]) as unknown as Flow[]
      return values.reduce((sum, value) => sum + value.packets, 0n)
    }
    assert.is(total('array'), packets + BigInt(rounds))
    assert.is(total('percpu_array'), packets + BigInt(rounds * cpus))
  },
)

test.run()
