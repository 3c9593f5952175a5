// One of the processes of a soak: `worker.ts ROOT CGROUP SEED`, with an IPC channel to soak.ts. It installs, upgrades, rolls
// back, finds, reads, lists and unpins, one thing after another, and makes events that each of the objects has to count.
import { mkdirSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BpfError,
  type BpfMap,
  type BpfObject,
  type ObjectSpec,
  openObject,
  openPinned,
} from '../../src/index.ts'
import { inProcess } from '../cli/in-process.ts'
import { fixture } from '../fixtures.ts'
import { Random } from '../random.ts'
import type { Answer, Request } from './messages.ts'

const [root = '', cgroup = '', seed = ''] = process.argv.slice(2)
const random = new Random(Number(seed))
const own = `own-${process.pid}`
const ownCgroup = `${cgroup}/${own}`
const { gc } = globalThis as { gc?: () => void }

mkdirSync(ownCgroup)
writeFileSync(`${ownCgroup}/cgroup.procs`, String(process.pid))
const file = openSync('/proc/sys/kernel/domainname', 'r')
const bytes = new Uint8Array(64)
let made = 0
let operations = 0
let tally: Record<string, number> = {}
let problems: string[] = []
let ids: string[] = []

/** Each is one event for every object that is attached to the cgroup or above it. */
function makeEvents(count: number): void {
  for (let i = 0; i < count; i++) readSync(file, bytes, 0, bytes.length, 0)
  made += count
}

function spec(name: string, version: number, place: string): ObjectSpec {
  const spec = openObject(fixture(`soak-${version}`), { root, name })
  spec.programs.get('on_read').target = { cgroup: place }
  return spec
}

function note(live: BpfObject): void {
  for (const { id } of live.maps) ids.push(`map ${id}`)
  for (const { id } of live.programs) ids.push(`prog ${id}`)
}

/** What this process has made of events since `before`, by what a map says of it. */
function mustHaveCounted(what: string, before: number, map: BpfMap, field?: string): void {
  const value = map.get(process.pid) ?? 0n
  // the types of the fixture
  const counted = field === undefined ? (value as bigint) : (value as Record<string, bigint>)[field]
  if (counted !== BigInt(made - before)) problems.push(`${what}: ${counted} counted of ${made - before}`)
}

const versions = [1, 2, 3]

function upgradeShared(name: string, keepPrevious: boolean): void {
  const waitMs = random.below(4) === 0 ? random.below(30) : 60_000
  using live = spec(name, random.of(versions), cgroup).upgrade({
    ...{ onMismatch: 'convert-lossy', keepPrevious, waitMs },
  })
  note(live)
  makeEvents(10)
}

function rollbackShared(name: string): void {
  using live = spec(name, random.of(versions), cgroup).upgrade({
    ...{ onMismatch: 'convert-lossy', keepPrevious: true, waitMs: 60_000 },
  })
  note(live)
  makeEvents(5)
  live.rollback({ keepPrevious: random.below(2) === 0, waitMs: 60_000 })
  makeEvents(5)
}

/** The whole life of an object that is nobody else's, counted exactly all along. */
function ownLife(): void {
  const first = random.of(versions)
  const before = made
  {
    using live = spec(own, first, ownCgroup).load()
    live.attach()
    live.pin()
    note(live)
    makeEvents(20)
  }
  {
    using again = spec(own, first, ownCgroup).loadPinned()
    mustHaveCounted('found again', before, again.maps.get('counts'), 'reads')
  }
  const second = random.of(versions)
  using live = spec(own, second, ownCgroup).upgrade({ onMismatch: 'convert-lossy', keepPrevious: true })
  note(live)
  makeEvents(20)
  mustHaveCounted('own truth', before, live.maps.get('truth'))
  mustHaveCounted('own counts', before, live.maps.get('counts'), 'reads')
  if (first !== second) live.rollback()
  makeEvents(5)
  using last = openPinned(own, { root })
  mustHaveCounted('own truth, at last', before, last.maps.get('truth'))
  const rest = spec(own, first, ownCgroup)
  using found = rest.loadPinned()
  const { left, stillAttached } = found.unpin()
  if (left.length + stillAttached.length > 0)
    problems.push(`unpinning left ${JSON.stringify({ left, stillAttached })}`)
}

function readShared(name: string): void {
  using object = openPinned(name, { root, readOnly: random.below(2) === 0 })
  const [truth, variable] = [object.maps.get('truth'), object.variables.get('reads_in_all')]
  for (const [pid, reads] of truth)
    if (typeof pid !== 'number' || typeof reads !== 'bigint') problems.push('no number')
  if (typeof variable.get() !== 'bigint') problems.push('no variable')
  if (object.links.size !== 1) problems.push(`${name}: ${object.links.size} links`)
}

async function list(): Promise<void> {
  const { code, stderr } = await inProcess('ls', '--root', root, '--json')
  if (code !== 0) problems.push(`ls: ${stderr}`)
}

function plan(name: string): void {
  const { kind } = spec(name, random.of(versions), cgroup).plan({ onMismatch: 'convert-lossy' })
  if (!['find', 'upgrade', 'relink'].includes(kind)) problems.push(`a plan to ${kind} '${name}'`)
}

const work: Readonly<Record<string, () => void | Promise<void>>> = {
  'upgrade a': () => upgradeShared('a', false),
  'upgrade b': () => upgradeShared('b', true),
  'roll back b': () => rollbackShared('b'),
  'own life': ownLife,
  'read a': () => readShared('a'),
  'read b': () => readShared('b'),
  plan: () => plan(random.of(['a', 'b'])),
  list,
}

/** What may be said of what others do: somebody waited too long, or went back before us. */
const answers = new Set(['ERR_LOCKED', 'ERR_NO_PREVIOUS'])

async function step(): Promise<void> {
  const name = random.of(Object.keys(work))
  operations++
  let outcome = 'done'
  try {
    await work[name]!()
  } catch (error) {
    const { code = 'none', stack } = error as BpfError
    outcome = code
    if (!answers.has(code)) problems.push(`${name}: ${stack}`)
  }
  tally[`${name}: ${outcome}`] = (tally[`${name}: ${outcome}`] ?? 0) + 1
}

let isPaused = false
let isOver = false

process.on('message', (request: Request) => {
  isPaused = request === 'pause'
  isOver = request === 'end'
})

// whoever asked for it is gone
process.on('disconnect', () => process.exit(0))
// of a terminal, which sends it to all: who started this one ends it
process.on('SIGINT', () => {})

function answer(): void {
  gc?.()
  gc?.()
  const { rss, heapUsed: heap } = process.memoryUsage()
  const descriptors = readdirSync('/proc/self/fd').length
  const found: Answer = { pid: process.pid, made, operations, rss, heap, descriptors, tally, problems, ids }
  process.send?.(found)
  ;[tally, problems, ids] = [{}, [], []]
}

// held all the while, through all generations
const following = openPinned('a', { root, readOnly: true, follow: true })
following.on('error', error => problems.push(`following: ${error.stack}`))
const truth = following.maps.get('truth')
let before = 0n

while (!isOver) {
  if (isPaused) {
    answer()
    while (isPaused && !isOver) await sleep(5)
    continue
  }
  await step()
  makeEvents(20)
  const now = truth.get(process.pid) as bigint
  if (now < before || now > BigInt(made)) problems.push(`following: ${now} after ${before}, of ${made}`)
  before = now
  await sleep(random.below(10))
}
following.close()
answer()
process.disconnect?.()
