import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openMap, openObject, openPinned } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { makeCalls } from '../calls.ts'
import { patience, repeated } from '../effort.ts'
import { Patch } from '../elf/patch.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

/** Counts this process only. */
function counter(options = {}): ObjectSpec {
  const spec = openObject(fixture('counter'), { root, ...options })
  spec.variables.get('only_pid').set(process.pid)
  return spec
}

const script = (name: string): string[] => [...process.execArgv, new URL(name, import.meta.url).pathname]

onKernel('a pinned object is opened with its types and without its file', () => {
  using object = counter().upgrade()
  makeCalls(10)
  using other = openPinned('counter', { root })
  assert.is(other.generation, 1)
  assert.is(other.path, `${root}/counter`)
  for (const map of object.maps) assert.is(other.maps.get(map.name).id, map.id, map.name)
  for (const program of object.programs) assert.is(other.programs.get(program.name).id, program.id)
  const tally = other.maps.get('by_process').get(process.pid) as { calls: bigint; comm: string }
  assert.ok(tally.calls >= 10n)
  assert.is(tally.comm, readFileSync('/proc/self/comm', 'utf8').trim())
  assert.equal(
    [...other.variables].map(({ name, map, size }) => [name, map, size]),
    [...object.variables].map(({ name, map, size }) => [name, map, size]),
  )
  assert.is(other.variables.get('only_pid').get(), process.pid)
  other.variables.get('weight').set(3n)
  assert.is(object.variables.get('weight').get(), 3n)
  assert.equal(
    [...other.links].map(({ name, type, target, id }) => [name, type, target, id]),
    [...object.links].map(({ name, type, target, id }) => [name, type, target, id]),
  )
  object.unpin()
})

onKernel('a path leads to the same object as its name', () => {
  using object = counter().upgrade()
  using other = openPinned(`${root}/counter/`)
  assert.is(other.name, 'counter')
  assert.is(other.maps.get('totals').id, object.maps.get('totals').id)
  object.unpin()
})

onKernel('who may only read reads everything, and changes nothing', () => {
  using object = counter().upgrade()
  makeCalls(5)
  using other = openPinned('counter', { root, readOnly: true })
  assert.ok((other.variables.get('entered').get() as bigint) >= 5n)
  assert.ok((other.maps.get('totals').get(0) as bigint) >= 5n)
  assert.is(failure(() => other.maps.get('totals').set(0, 1n)).code, 'ERR_READ_ONLY')
  assert.is(failure(() => other.variables.get('weight').set(1n)).code, 'ERR_READ_ONLY')
  object.unpin()
})

onKernel('an unprivileged process reads with types what a mode lets it read', () => {
  const old = process.umask(0)
  using object = counter().upgrade({ mode: 0o755 })
  process.umask(old)
  object.variables.get('weight').set(6n)
  makeCalls(5)
  // the test's own directories are not for others
  for (const path of [root, `${root}/..`, `${root}/../..`]) chmodSync(path, 0o755)
  const run = (): Record<string, unknown> => {
    const child = spawnSync(process.execPath, [...script('./reader.ts'), 'counter', root], {
      uid: 65534,
      gid: 65534,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    })
    return JSON.parse(child.stdout)
  }
  const found = run()
  assert.is(found.user, 65534)
  assert.is(found.weight, 6)
  assert.ok(Number(found.totals) >= 5)
  assert.equal(found.programs, ['on_enter', 'on_exit'])
  assert.equal(found.links, [
    ['on_enter', 'raw_tracepoint', { hook: 'sys_enter' }],
    ['on_exit', 'perf_event', { hook: 'raw_syscalls/sys_exit' }],
  ])
  chmodSync(`${root}/counter`, 0o700)
  assert.is(run().code, 'EACCES')
  object.unpin()
})

onKernel('who follows moves to the next object of the name, with what is held', async () => {
  // following alone does not keep a process alive
  const awake = setInterval(() => {}, 1000)
  const first = counter().upgrade()
  using other = openPinned('counter', { root, follow: true })
  const totals = other.maps.get('totals')
  const weight = other.variables.get('weight')
  first.variables.get('weight').set(11n)
  assert.is(weight.get(), 11n)
  const unpinned = once(other, 'unpinned')
  first.unpin()
  first.close()
  await unpinned
  // what was held goes on living
  assert.is(weight.get(), 11n)
  const moved = once(other, 'generation')
  using second = counter().upgrade()
  second.variables.get('weight').set(22n)
  assert.equal(await moved, [1])
  assert.is(totals.id, second.maps.get('totals').id)
  assert.is(other.maps.get('totals'), totals)
  assert.is(weight.get(), 22n)
  second.unpin()
  clearInterval(awake)
})

onKernel('an object whose types are found to be wrong when something is pinned leaves nothing open', () => {
  using object = counter().upgrade()
  // of two variables in .bss the second begins in the middle of the first
  const { bytes } = new Patch('counter.bpf.o').symbol(23, 'st_value', 4)
  const damaged = openObject(bytes, { name: 'counter', root })
  const before = readdirSync('/proc/self/fd')
  for (const call of ['load', 'loadPinned', 'plan', 'upgrade'] as const) {
    const error = failure(() => damaged[call]())
    assert.match(error.message, /'left' at 4 with 8 bytes overlaps what ends at 8/, call)
    assert.equal(readdirSync('/proc/self/fd'), before, call)
  }
  object.unpin()
})

onKernel('who may not read the root cannot follow, is told so, and holds nothing', () => {
  const umask = process.umask(0)
  using object = counter().upgrade({ mode: 0o755 })
  process.umask(umask)
  for (const path of [`${root}/..`, `${root}/../..`]) chmodSync(path, 0o755)
  chmodSync(root, 0o711)
  const code = `
    import { readdirSync } from 'node:fs'
    import { openPinned } from '${new URL('../../src/index.ts', import.meta.url)}'
    openPinned('counter', { root: '${root}', readOnly: true }).close()
    const open = readdirSync('/proc/self/fd').length
    try {
      openPinned('counter', { root: '${root}', readOnly: true, follow: true })
    } catch (error) {
      const { name, code, path, hint } = error
      const left = readdirSync('/proc/self/fd').filter((_, i, all) => all.length > open + 4)
      console.log(JSON.stringify({ name, code, path, hint, left }))
    }`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, '--input-type=module', '-e', code],
    {
      uid: 65534,
      gid: 65534,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    },
  )
  chmodSync(root, 0o755)
  assert.equal(JSON.parse(stdout || stderr), {
    name: 'BpfError',
    code: 'EACCES',
    path: root,
    hint: `'${root}' belongs to user 0 and has mode 0711`,
    left: [],
  })
  object.unpin()
})

onKernel('what is unpinned before it is watched is told as soon as one can listen', async () => {
  // a directory that nobody watched before
  const own = `${root}/late`
  const object = counter({ root: own }).upgrade()
  let calls = 0
  interceptSyscalls(() => {
    calls++
    return undefined
  })
  const opened = openPinned('counter', { root: own })
  interceptSyscalls(() => {
    calls--
    if (calls > 0) return undefined
    // before the last call of opening it
    interceptSyscalls(undefined)
    object.unpin()
    object.close()
    return undefined
  })
  using other = openPinned('counter', { root: own, follow: true })
  opened.close()
  assert.is(calls, 0)
  const told = await Promise.race([
    once(other, 'unpinned'),
    new Promise(resolve => setTimeout(resolve, patience(1000))),
  ])
  assert.equal(told, [])
})

onKernel('who only follows does not keep the process alive', () => {
  using object = counter().upgrade()
  const code = `import('${new URL('../../src/index.ts', import.meta.url)}').then(({ openPinned }) =>
    openPinned('counter', { root: '${root}', follow: true }))`
  const child = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', code], {
    timeout: patience(20_000),
  })
  assert.is(child.status, 0, child.stderr.toString())
  object.unpin()
})

onKernel('a walk that meets a new generation says so', async () => {
  using first = counter().upgrade()
  makeCalls(1)
  using other = openPinned('counter', { root })
  const walk = other.maps.get('totals').entries()
  walk.next()
  first.unpin()
  using second = counter().upgrade()
  assert.ok(other.refresh())
  assert.is(failure(() => walk.next()).code, 'ERR_MOVED')
  second.unpin()
})

onKernel('what is opened while generations are exchanged is always of one of them', async () => {
  using one = counter().upgrade()
  using two = counter({ name: 'other' }).upgrade()
  const generations = [one, two].map(object =>
    [...object.maps, ...object.programs].map(({ id }) => id).join(),
  )
  const child = spawn(process.execPath, [...script('./swap.ts'), root, 'counter', 'other'])
  await once(child.stdout, 'data')
  const seen = new Map<string, number>()
  for (let i = 0; i < repeated(5000); i++) {
    using object = openPinned('counter', { root, readOnly: true })
    const ids = [...object.maps, ...object.programs].map(({ id }) => id).join()
    seen.set(ids, (seen.get(ids) ?? 0) + 1)
    // let the other process have the second processor, and this one its events
    if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  child.stdin.end()
  const swaps = Number(await text(child.stdout))
  assert.ok(swaps > repeated(500), `${swaps} swaps`)
  assert.equal([...seen.keys()].sort(), generations.sort())
  for (const spec of [counter(), counter({ name: 'other' })]) {
    using object = spec.upgrade()
    object.unpin()
  }
  assert.equal(readdirSync(root), [])
})

onKernel('pins of another object, a missing pin and a pin of a wrong kind are three different errors', () => {
  assert.is(failure(() => counter().loadPinned()).code, 'ERR_NOT_PINNED')
  assert.is(failure(() => openPinned('counter', { root })).code, 'ERR_NOT_PINNED')
  using object = counter().upgrade()
  using again = counter().loadPinned()
  assert.is(again.links.get('on_enter').id, object.links.get('on_enter').id)
  assert.ok(again.isPinned)

  const other = openObject(fixture('dead-branch'), { root, name: 'counter' })
  const another = failure(() => other.loadPinned())
  assert.is(another.code, 'ERR_PIN_MISMATCH')
  assert.match(another.message, "map 'slots' is not pinned")

  const totals = `${root}/counter/maps/totals`
  renameSync(totals, `${root}/kept`)
  for (const open of [() => counter().loadPinned(), () => openPinned('counter', { root })]) {
    const missing = failure(open)
    assert.is(missing.code, 'ERR_PIN_MISSING')
    assert.match(missing.message, "map 'totals' is in the manifest, but nothing is pinned at")
  }
  execFileSync('bpftool', ['prog', 'pin', 'id', String(object.programs.get('on_exit').id), totals])
  for (const open of [() => counter().loadPinned(), () => openPinned('counter', { root })]) {
    const kind = failure(open)
    assert.is(kind.code, 'ERR_PIN_KIND')
    assert.match(kind.message, ` is pinned at ${totals}, expected a map`)
  }
  rmSync(totals)
  renameSync(`${root}/kept`, totals)
  object.unpin()
})

onKernel('what is not an object of ours is refused by what it is', () => {
  mkdirSync(`${root}/strange`)
  assert.is(failure(() => openPinned('strange', { root })).code, 'ERR_MANIFEST')
  assert.is(failure(() => openMap(`${root}/strange`)).code, 'EACCES')
  rmdirSync(`${root}/strange`)
  assert.is(failure(() => openMap(`${root}/nothing`)).code, 'ENOENT')
})

test.run()
