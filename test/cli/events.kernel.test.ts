import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { expected, request } from '../map/events.ts'
import { needs } from '../requirements.ts'
import { commandLine } from './bpfpin.ts'
import { inProcess } from './in-process.ts'
import { root, unpinAll } from './pinned.ts'

// user ring buffers, of which the fixture has one, are of that kernel
const onKernel = needs(test, 'root', 'linux 6.1')

test.after.each(unpinAll)

/** The fixture, of which nothing runs by itself; a ring buffer of another size is another buffer. */
function version(size = 0x1_0000): ObjectSpec {
  const spec = openObject(fixture('events'), { root })
  spec.maps.get('events').maxEntries = size
  spec.programs.get('write_samples').autoattach = false
  return spec
}

function write(object: BpfObject, first: number, count: number): void {
  request(object.programs.get('write_events'), first, count)
}

/** As JSON has them: numbers that a double holds exactly. */
function records(first: number, count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => ({ ...expected(first + i), number: first + i }))
}

const decoded = (stdout: string): unknown[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

const events = (...args: string[]): ReturnType<typeof inProcess> =>
  inProcess('events', ...args, '--root', root)

onKernel(
  'so many records are read as are asked for, and the others are left for the next reader',
  async () => {
    using object = version().upgrade()
    write(object, 1, 3)
    const first = await events('events', 'events', '--type', 'event', '--limit', '2', '--json')
    assert.equal(decoded(first.stdout), records(1, 2))
    assert.equal([first.code, first.stderr], [0, '2 records read\n'])
    const last = await events('events/maps/events', '--type', 'event', '--limit', '1')
    assert.is(last.stdout, '{number: 3, square: 9, kind: "KIND_OPEN", name: "d"}\n')
    assert.equal([last.code, last.stderr], [0, '1 record read\n'])
  },
)

onKernel('without a type a record is its bytes, and it is said why', async () => {
  using object = version().upgrade()
  write(object, 1, 2)
  const bytes = await events('events', 'events', '--limit', '1')
  // struct event, as C lays it out
  assert.is(bytes.stdout, '01 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00 62 00 00 00 00 00 00 00\n')
  assert.match(bytes.stderr, '--type names the struct')
  const json = await events('events', 'events', '--limit', '1', '--json')
  assert.equal(decoded(json.stdout), [
    [2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0],
  ])
})

onKernel('what was written before is thrown away where only the rest is wanted', async () => {
  using object = version().upgrade()
  write(object, 1, 200)
  let next = 500
  const timer = setInterval(() => write(object, next++, 1), 10)
  const { stdout } = await events(
    'events',
    'events',
    '--type',
    'event',
    '--since-now',
    '--limit',
    '2',
    '--json',
  )
  clearInterval(timer)
  const [{ number: first } = { number: 0 }] = decoded(stdout) as { number: number }[]
  assert.ok(first >= 500, stdout)
  assert.equal(decoded(stdout), records(first, 2))
})

onKernel('records of a map that has a value type are of that', async () => {
  using object = openObject(fixture('typed-events'), { root }).upgrade()
  for (const number of [7, 8]) object.programs.get('write_one').run({ context: { number } })
  const { stdout, code } = await events('typed-events', 'events', '--limit', '2')
  assert.equal([stdout, code], ['{number: 7, name: "typed"}\n{number: 8, name: "typed"}\n', 0])
  const reading = events('typed-events', 'samples', '--limit', '1', '--json')
  const timer = setInterval(() => object.programs.get('sample').run(), 20)
  assert.equal(decoded((await reading).stdout), [{ number: 1, name: 'sample' }])
  clearInterval(timer)
})

onKernel('what cannot be read is refused with what, why and what to do', async () => {
  version().upgrade().close()
  const wrong: readonly (readonly [args: string[], code: number, message: string])[] = [
    [['events', 'event'], 1, "did you mean 'events'?"],
    [['events', 'orders'], 1, 'it is of type user_ringbuf'],
    [['events', '.bss'], 1, "map '.bss' holds no events"],
    [['events', 'events', '--type', 'evnt'], 1, "no type 'evnt'; did you mean 'event'?"],
    [['events/maps/nope'], 1, "there is no map 'nope'"],
    [['nope/maps/events'], 1, 'nothing is pinned'],
    [['nope'], 1, "no object 'nope' is pinned"],
  ]
  for (const [args, code, message] of wrong) {
    const run = await events(...args)
    assert.is(run.code, code, run.stderr)
    assert.match(run.stderr.toLowerCase(), message.toLowerCase())
    assert.is(run.stdout, '')
  }
  for (const limit of ['0', '-1', 'x', '1.5', '1e3']) {
    const error = await events('events', 'events', '--limit', limit).catch((error: unknown) => error)
    const text = error instanceof Error ? error.message : (error as { stderr: string }).stderr
    assert.match(text, '--limit')
  }
  assert.match((await events('events')).stderr, 'has several buffers, events, samples')
})

onKernel('a record that is shorter than the type ends it, with both sizes', async () => {
  using object = version().upgrade()
  object.programs.get('write_sizes').run({ context: Uint8Array.of(5, 0, 0, 0, 1, 0, 0, 0) })
  const run = await events('events', 'events', '--type', 'event')
  assert.is(run.code, 1)
  assert.match(run.stderr, "a record of 'events' has 5 bytes, and 'event', which it was to be, has 24")
})

/** The tool in a process of its own. */
function start(...args: string[]): ChildProcess {
  const [command = '', ...rest] = commandLine('events', ...args, '--root', root)
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
}

onKernel('a reader goes on in the next generation, and ends by a signal with what it read', async () => {
  using old = version().upgrade()
  write(old, 1, 2)
  const child = start('events', 'events', '--type', 'event', '--json')
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const said = text(child.stderr!)
  const next = async (): Promise<unknown> => JSON.parse((await lines.next()).value)
  const read = [await next(), await next()]
  using fresh = version(0x2_0000).upgrade()
  assert.is(fresh.upgraded?.maps.find(({ name }) => name === 'events')?.action, 'create')
  write(fresh, 3, 2)
  read.push(await next(), await next())
  assert.equal(read, records(1, 4))
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.equal(await ended, [0, null])
  assert.is(await said, 'note: generation 2 of events begins\nnote: 4 records read\n')
})

onKernel('what a perf buffer had no room for is counted as the program counts it', async () => {
  using object = version().upgrade()
  const { variables, programs } = object
  const count = (name: string): number => Number(variables.get(name).get())
  const run = (records: number): void => {
    const context = new Uint8Array(new BigUint64Array([1n, BigInt(records)]).buffer)
    programs.get('write_samples').run({ context, cpu: 0 })
  }
  const child = start('events', 'samples', '--type', 'event', '--json')
  const said = text(child.stderr!)
  let lines = 0
  createInterface({ input: child.stdout! }).on('line', () => lines++)
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await setTimeout(10)
  }
  // nothing can be written before somebody reads
  await until(() => {
    run(1)
    return count('written') > 0
  })
  variables.get('refused').set(0n)
  child.kill('SIGSTOP')
  for (let runs = 0; runs < 10; runs++) run(256)
  child.kill('SIGCONT')
  await until(() => lines === count('written'))
  // the loss is told in front of what fits next
  run(1)
  await until(() => lines === count('written'))
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  assert.equal(await ended, [0, null])
  const [written, refused] = [count('written'), count('refused')]
  // 65,536 bytes have no room for 2,560 records
  assert.ok(refused > 0)
  assert.is(await said, `note: ${written} records read, ${refused} lost\n`)
})

onKernel('a reader that has seen enough ends it', async () => {
  using object = version().upgrade()
  const child = start('events', 'events', '--type', 'event')
  const said = text(child.stderr!)
  write(object, 1, 1)
  await once(child.stdout!, 'data')
  child.stdout!.destroy()
  const ended = once(child, 'exit')
  const timer = setInterval(() => write(object, 2, 1), 50)
  assert.equal(await ended, [0, null])
  clearInterval(timer)
  assert.match(await said, /^note: \d+ records read\n$/)
})

test.run()
