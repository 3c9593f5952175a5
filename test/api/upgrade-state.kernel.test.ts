import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, openPinned, type UpgradeReport } from '../../src/index.ts'
import { type Batch, readBatches, writeBatch } from '../../src/map/batches.ts'
import { thisMachine } from '../../src/map/index.ts'
import { Root, unpinObject, waitForPrograms } from '../../src/pin/index.ts'
import { allocate } from '../../src/syscall/index.ts'
import { Network } from '../link/network.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const upgrader = new URL('./flows.ts', import.meta.url).pathname
// by hand: BPFPIN_UPGRADES=100 BPFPIN_ENTRIES=100000 npm test -- --timeout 3600 api/upgrade-state
const upgrades = Number(process.env.BPFPIN_UPGRADES ?? 5)
const keys = Number(process.env.BPFPIN_ENTRIES ?? 10_000)

/** Offsets, from the C source. */
const flowOf = [
  { size: 24, packets: 0, bytes: 8, state: 16, drops: undefined },
  { size: 32, packets: 8, bytes: 0, state: 16, drops: 24 },
] as const
const callOf = [
  { size: 16, packets: 0, bytes: 8, drops: undefined },
  { size: 24, packets: 8, bytes: 0, drops: 16 },
] as const
const truthOf = { size: 48, packets: 0, bytes: 8, calls: 16, callBytes: 24, datagrams: 32, state: [40, 44] }

/** Processes that do nothing but call the kernel, and stand still when told. */
class Callers {
  readonly #processes: readonly ChildProcess[]

  constructor(count: number) {
    // the rest of the system goes on
    const nicely = ['-n', '15', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=1000000000000']
    this.#processes = Array.from({ length: count }, () => spawn('nice', nicely, { stdio: 'ignore' }))
  }

  get pids(): number[] {
    return this.#processes.map(({ pid }) => pid!)
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const process of this.#processes) process.kill(signal)
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#processes.map(async process => {
        const ended = once(process, 'exit')
        process.kill('SIGKILL')
        await ended
      }),
    )
  }
}

/** All entries of a map as they are, by key. */
function* entriesOf({ fd, shape }: BpfMap): IterableIterator<[key: number, value: DataView]> {
  for (const { keys, values, count } of readBatches(fd, shape, 'a map of the test')) {
    const size = values.bytes.length / (keys.bytes.length / 4)
    const key = new DataView(keys.bytes.buffer, keys.bytes.byteOffset)
    for (let i = 0; i < count; i++) {
      yield [
        key.getUint32(4 * i, true),
        new DataView(values.bytes.buffer, values.bytes.byteOffset + i * size, size),
      ]
    }
  }
}

/** Puts what tells keys apart into nine of ten entries; the others are made by programs, also during upgrades. */
function fill(map: BpfMap, count: number, put: (key: number, value: DataView) => void): void {
  const size = map.shape.type.startsWith('percpu') ? 16 * thisMachine().possibleCpus : map.shape.valueSize
  const batch: Batch = { keys: allocate(4 * count), values: allocate(size * count), count }
  const numbers = new DataView(batch.keys.bytes.buffer, batch.keys.bytes.byteOffset)
  for (let key = 0; key < count; key++) {
    numbers.setUint32(4 * key, key, true)
    put(key, new DataView(batch.values.bytes.buffer, batch.values.bytes.byteOffset + key * size, size))
  }
  writeBatch(map.fd, map.shape, batch, 'a map of the test')
}

/** What one CPU's values come to. */
function ofAllCpus(value: DataView, stride: number, offset: number): bigint {
  let sum = 0n
  for (let at = offset; at < value.byteLength; at += stride) sum += value.getBigUint64(at, true)
  return sum
}

const nearlyAll = Math.floor(0.9 * keys)
/** Calls that no program counted. */
const prepared = BigInt(thisMachine().possibleCpus) * ((BigInt(nearlyAll) * BigInt(nearlyAll - 1)) / 2n)

/** Gives each key of the maps of version 1 a count of its own, and the truth the same. */
function prepare(): void {
  using object = openPinned('flows', { root })
  const cpus = thisMachine().possibleCpus
  fill(object.maps.get('flows'), nearlyAll, (key, value) => {
    value.setBigUint64(0, BigInt(3 * key + 1), true)
    value.setBigUint64(8, BigInt(1000 * key), true)
    value.setUint32(16, key, true)
  })
  fill(object.maps.get('calls'), nearlyAll, (key, value) => {
    for (let cpu = 0; cpu < cpus; cpu++) {
      value.setBigUint64(16 * cpu, BigInt(key), true)
      value.setBigUint64(16 * cpu + 8, BigInt(2 * key), true)
    }
  })
  fill(object.maps.get('truth_of'), nearlyAll, (key, value) => {
    value.setBigUint64(truthOf.packets, BigInt(3 * key + 1), true)
    value.setBigUint64(truthOf.bytes, BigInt(1000 * key), true)
    value.setBigUint64(truthOf.calls, BigInt(cpus * key), true)
    value.setBigUint64(truthOf.callBytes, BigInt(2 * cpus * key), true)
    value.setUint32(truthOf.state[0]!, key, true)
  })
  object.variables.get('keys').set(keys)
}

interface Checked {
  readonly wrong: readonly string[]
  /** Keys that the maps have. */
  readonly flows: number
  readonly calls: number
  readonly datagrams: bigint
  readonly events: bigint
}

/** Compares every entry of the pinned maps with the truth. */
function check(version: 1 | 2): Checked {
  using object = openPinned('flows', { root })
  const truth = new Map<number, DataView>()
  const wrong: string[] = []
  const sums = { datagrams: 0n, events: 0n }
  let calls = -prepared
  for (const [key, value] of entriesOf(object.maps.get('truth_of'))) {
    if (key >= keys) continue
    truth.set(key, new DataView(value.buffer.slice(value.byteOffset, value.byteOffset + truthOf.size)))
    calls += value.getBigUint64(truthOf.calls, true)
    sums.datagrams += value.getBigUint64(truthOf.datagrams, true)
    sums.events += value.getBigUint64(truthOf.packets, true)
  }
  const expect = (key: number, what: string, got: bigint | number, wanted: bigint | number): void => {
    if (got !== wanted) wrong.push(`${what} of ${key}: ${got}, and not ${wanted}`)
  }
  const inAll = object.variables.get('calls_in_all').get()
  if (inAll !== calls) wrong.push(`${inAll} calls in all, and not ${calls}`)
  const flow = flowOf[version - 1]!
  const seen = { flows: new Set<number>(), calls: new Set<number>() }
  for (const [key, value] of entriesOf(object.maps.get('flows'))) {
    const true_ = truth.get(key)!
    seen.flows.add(key)
    expect(key, 'packets', value.getBigUint64(flow.packets, true), true_.getBigUint64(truthOf.packets, true))
    expect(key, 'bytes', value.getBigUint64(flow.bytes, true), true_.getBigUint64(truthOf.bytes, true))
    // one CPU writes it and counts it up: the last value is the largest, whichever version it was
    const states = truthOf.state.map(at => true_.getUint32(at, true))
    expect(key, 'state', value.getUint32(flow.state, true), Math.max(...states))
    if (flow.drops !== undefined) expect(key, 'drops', value.getBigUint64(flow.drops, true), 0n)
  }
  const call = callOf[version - 1]!
  for (const [key, value] of entriesOf(object.maps.get('calls'))) {
    const true_ = truth.get(key)!
    seen.calls.add(key)
    const sum = (offset: number): bigint => ofAllCpus(value, call.size, offset)
    expect(key, 'calls', sum(call.packets), true_.getBigUint64(truthOf.calls, true))
    expect(key, 'bytes of calls', sum(call.bytes), true_.getBigUint64(truthOf.callBytes, true))
    if (call.drops !== undefined) expect(key, 'drops of calls', sum(call.drops), 0n)
  }
  for (const [key, value] of truth) {
    if (value.getBigUint64(truthOf.packets, true) > 0n && !seen.flows.has(key)) wrong.push(`no flow ${key}`)
    if (value.getBigUint64(truthOf.calls, true) > 0n && !seen.calls.has(key)) wrong.push(`no calls of ${key}`)
  }
  return { ...sums, wrong, flows: seen.flows.size, calls: seen.calls.size }
}

/** Upgrades to a version in a process of its own, in the network. */
async function upgradeTo(network: Network, version: 1 | 2, device?: string): Promise<UpgradeReport> {
  const script = [...process.execArgv, upgrader, root, String(version), ...(device ? [device] : [])]
  const { stdout } = await promisify(execFile)('nsenter', [
    `--net=${network.path}`,
    process.execPath,
    ...script,
  ])
  return JSON.parse(stdout)
}

needs(
  test,
  'root',
  'linux 6.6',
  'dd',
)('no key and no count is lost while another process upgrades back and forth under load', async () => {
  const network = await Network.make()
  const callers = new Callers(2)
  let sent = 0n
  const begun = performance.now()
  try {
    callers.signal('SIGSTOP')
    await upgradeTo(network, 1, 'lo')
    prepare()
    {
      using object = openPinned('flows', { root })
      object.variables.get('callers').set(callers.pids)
    }
    for (let i = 0; i < upgrades; i++) {
      const version = i % 2 === 0 ? 2 : 1
      callers.signal('SIGCONT')
      let isDone = false
      const upgraded = upgradeTo(network, version).finally(() => {
        isDone = true
      })
      while (!isDone) {
        await network.send(50)
        sent += 50n
      }
      const { carried, generation, left, dead, stillAttached } = await upgraded
      await pause(10)
      callers.signal('SIGSTOP')
      await pause(20)
      waitForPrograms()
      assert.is(generation, i + 2)
      assert.equal({ left, dead, stillAttached }, { left: [], dead: [], stillAttached: [] })
      const ways = carried.map(({ map, failed, inKernel }) => [map, failed, inKernel])
      assert.equal(ways.toSorted(), [
        ['.bss', 0, true],
        ['calls', 0, true],
        ['flows', 0, true],
      ])
      const { wrong, datagrams, ...seen } = check(version)
      assert.equal(
        wrong.slice(0, 20),
        [],
        `upgrade ${i + 1}, to version ${version}: ${wrong.length} are wrong`,
      )
      assert.is(datagrams, sent)
      if (process.env.BPFPIN_UPGRADES) console.log(i + 1, seen, Math.round(performance.now() - begun), 'ms')
    }
  } finally {
    await callers.end()
    await network.close()
    using open = Root.find(root)
    assert.ok(open && unpinObject(open, 'flows'))
  }
})

test.run()
