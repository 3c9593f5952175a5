import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openMap, openObject, type PinMismatchError } from '../../src/index.ts'
import { reasonText } from '../../src/plan/verdict.ts'
import { makeCalls } from '../calls.ts'
import { patience } from '../effort.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { isAtLeast, needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const tree = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter(name => !name.endsWith('.debug')).sort()

const ids = ({ maps, programs, links }: BpfObject): unknown =>
  [maps, programs, links].map(items => [...items].map(({ name, id }) => [name, id]))

/** Counts this process only. */
const counter = (options = {}) => {
  const spec = openObject(fixture('counter'), { root, ...options })
  spec.variables.get('only_pid').set(process.pid)
  return spec
}

onKernel('the first upgrade loads, attaches and pins; the second finds everything again', () => {
  const before = readdirSync('/proc/self/fd').length
  const first = counter().upgrade()
  assert.ok(first.isPinned)
  makeCalls(100)
  const seen = first.variables.get('entered').get() as bigint
  assert.ok(seen >= 100n, `${seen} calls`)
  const firstIds = ids(first)
  first.close()
  assert.is(readdirSync('/proc/self/fd').length, before)
  const second = counter().upgrade()
  assert.equal(ids(second), firstIds)
  makeCalls(100)
  assert.ok((second.variables.get('entered').get() as bigint) >= seen + 100n)
  assert.is((second.maps.get('totals').get(0) as bigint) >= 200n, true)
  second.unpin()
  second.close()
  assert.equal(tree(), [])
  assert.is(readdirSync('/proc/self/fd').length, before)
})

onKernel('unpinning detaches: nothing counts any more', () => {
  using object = counter().upgrade()
  const report = object.unpin()
  assert.equal(report.stillAttached, [])
  const entered = object.variables.get('entered')
  const end = performance.now() + patience(10_000)
  let before: unknown
  // before 6.18 a link loses its number shortly before its program is detached
  do {
    before = entered.get()
    makeCalls(50)
  } while (entered.get() !== before && !isAtLeast(release(), 'linux 6.18') && performance.now() < end)
  assert.is(entered.get(), before)
})

onKernel('what the process pinned goes on counting after it was killed', async () => {
  const child = spawn(process.execPath, [...process.execArgv, hold, fixture('counter'), root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const links = JSON.parse(line.toString()) as [string, number][]
  assert.is(links.length, 2)
  child.kill('SIGKILL')
  await once(child, 'exit')
  using bss = openMap(`${root}/counter/maps/:bss`)
  const entered = (): bigint => (bss.get(0) as { entered: bigint }).entered
  const before = entered()
  makeCalls(100)
  assert.ok(entered() >= before + 100n)
  // the child counted its parent, which is us
  using again = counter().upgrade()
  assert.equal(
    [...again.links].map(({ name, id }) => [name, id]),
    links,
  )
  again.unpin()
  assert.equal(tree(), [])
})

const hold = new URL('./hold.ts', import.meta.url).pathname

onKernel('another value size is refused by map, field and both values, and nothing is changed', () => {
  using object = counter().upgrade()
  const before = [tree(), ids(object)]
  const wider = openObject(fixture('counter-wider'), { root, name: 'counter' })
  wider.variables.get('only_pid').set(process.pid)
  for (const refused of [() => wider.upgrade(), () => wider.load()]) {
    const error = failure(refused) as PinMismatchError
    assert.is(error.code, 'ERR_PIN_MISMATCH')
    assert.match(error.message, "map 'by_process': value size 32 is pinned, the object asks for 40")
    const [first] = error.verdicts
    assert.is(first?.kind, 'map')
    assert.is(first?.verdict, 'convertible')
    assert.equal(first?.kind === 'map' && first.reasons.map(reasonText), [
      'value size 32 is pinned, the object asks for 40',
      'value.last_ns: none -> u64 at 32 (added: has its initial value)',
    ])
  }
  using again = counter().upgrade()
  assert.equal([tree(), ids(again)], before)
  object.unpin()
})

onKernel('other constants make another object, and are named with both values', () => {
  using object = counter().upgrade()
  const other = openObject(fixture('counter'), { root })
  other.variables.get('only_pid').set(1)
  const error = failure(() => other.loadPinned())
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, `constant only_pid ${process.pid} is pinned, the object asks for 1`)
  object.unpin()
})

onKernel('other initial values of variables do not make another object: what is pinned is kept', () => {
  using object = counter().upgrade()
  object.variables.get('weight').set(42n)
  const other = counter()
  other.variables.get('weight').set(7n)
  using again = other.upgrade()
  assert.is(again.variables.get('weight').get(), 42n)
  object.unpin()
})

onKernel(
  'loading uses the pinned maps that fit, writes nothing into them, and makes its own constants',
  () => {
    using object = counter().upgrade()
    object.variables.get('weight').set(42n)
    const spec = openObject(fixture('counter'), { root })
    spec.variables.get('weight').set(7n)
    using second = spec.load()
    for (const name of ['by_process', 'totals', 'per_cpu', '.data', '.bss']) {
      assert.is(second.maps.get(name).id, object.maps.get(name).id, name)
    }
    assert.is(second.variables.get('weight').get(), 42n)
    assert.is.not(second.maps.get('.rodata').id, object.maps.get('.rodata').id)
    assert.is(second.variables.get('only_pid').get(), 0)
    assert.is.not(second.programs.get('on_enter').id, object.programs.get('on_enter').id)
    assert.is(failure(() => second.pin()).code, 'ERR_PINNED')
    object.unpin()
  },
)

onKernel('a variable in a map that was reused is live: what is set reaches the running program', () => {
  counter().upgrade().close()
  using object = counter().upgrade()
  const weighted = (): bigint =>
    (object.maps.get('by_process').get(process.pid) as { weighted: bigint } | undefined)?.weighted ?? 0n
  makeCalls(1)
  const before = weighted()
  object.variables.get('weight').set(1_000_000n)
  makeCalls(10)
  assert.ok(weighted() >= before + 10_000_000n, `${weighted()} after ${before}`)
  object.unpin()
})

onKernel('a pin that is missing or was replaced is told apart', () => {
  using object = counter().upgrade()
  execFileSync('rm', [`${root}/counter/maps/totals`])
  const missing = failure(() => counter().upgrade())
  assert.is(missing.code, 'ERR_PIN_MISSING')
  assert.is(missing.path, `${root}/counter/maps/totals`)
  execFileSync('ln', [`${root}/counter/maps/per_cpu`, `${root}/counter/maps/totals`])
  const replaced = failure(() => counter().upgrade())
  assert.is(replaced.code, 'ERR_PIN_REPLACED')
  execFileSync('rm', [`${root}/counter/maps/totals`])
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('a directory that bpfpin did not make is neither used nor changed', () => {
  execFileSync('mkdir', [`${root}/counter`])
  for (const run of [() => counter().upgrade(), () => counter().load()]) {
    assert.is(failure(run).code, 'ERR_MANIFEST')
  }
  assert.equal(tree(), ['counter'])
  execFileSync('rmdir', [`${root}/counter`])
})

onKernel('a closed object says so', () => {
  const object = counter().load()
  const { maps, variables } = object
  const entered = variables.get('entered')
  entered.get()
  object.close()
  object.close()
  for (const run of [
    () => object.pin(),
    () => maps.get('totals').get(0),
    () => entered.get(),
    () => object.attach(),
  ]) {
    assert.is(failure(run).code, 'ERR_CLOSED')
  }
})

test.run()
