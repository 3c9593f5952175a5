// Iterators: links that are read.
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfLink, type BpfObject, type BpfProgram, openObject, type Target } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const onKernel = needs(test, 'root')
const withParameters = needs(test, 'root', 'linux 6.1')

function loaded(program: string, target?: Target): BpfObject {
  const spec = openObject(fixture('link-iter'), { root })
  for (const one of spec.programs) one.autoload = one.name === program
  spec.programs.get(program).target = target
  return spec.load()
}

function attached(...args: Parameters<typeof loaded>): BpfObject {
  const object = loaded(...args)
  object.attach()
  return object
}

/** How many objects there were: each is written as its number, and some the kernel counts and skips. */
function objects(link: BpfLink): number {
  const bytes = link.read()
  const numbers = new BigUint64Array(bytes.buffer)
  assert.equal(
    [...numbers],
    Array.from(numbers, (_, i) => BigInt(i)),
  )
  return numbers.length
}

function threads(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        return readdirSync(`/proc/${pid}/task`)
      } catch {
        return [] // it has ended
      }
    })
}

onKernel('an iterator walks over all that there is, every time that it is read', () => {
  using object = attached('on_task')
  const link = object.links.get('on_task')
  assert.is(link.type, 'iter')
  assert.equal(link.target, { iterator: 'task' })
  // others start and end meanwhile: there are moments when none does
  const seen = Array.from({ length: 100 }, () => {
    const before = threads()
    const walked = objects(link)
    return before.join() === threads().join() ? { walked, all: before.length } : undefined
  }).find(one => one !== undefined)
  assert.ok(seen)
  // in some virtual machines what stands for init is hidden from programs, with its threads
  assert.ok(seen.walked <= seen.all && seen.walked >= seen.all - readdirSync('/proc/1/task').length)
  assert.ok(objects(link) > 0)
})

withParameters('only the threads of one process, or one thread', () => {
  const threads = readdirSync('/proc/self/task').length
  using ofProcess = attached('on_task', { iterator: 'task', pid: process.pid })
  assert.is(objects(ofProcess.links.get('on_task')), threads)
  using ofThread = attached('on_task', { iterator: 'task', tid: process.pid })
  assert.is(objects(ofThread.links.get('on_task')), 1)
})

withParameters('cgroups from one on, in the direction that was asked for', () => {
  const cgroup = `${cgroups}/bpfpin-iter-${process.pid}`
  mkdirSync(`${cgroup}/a/b`, { recursive: true })
  try {
    const counted = (target: Partial<Target>): number => {
      using object = attached('on_cgroup', { iterator: 'cgroup', ...target })
      return objects(object.links.get('on_cgroup'))
    }
    assert.is(counted({ cgroup }), 3)
    assert.is(counted({ cgroup, walk: 'self_only' }), 1)
    assert.is(counted({ cgroup: `${cgroup}/a`, walk: 'descendants_post' }), 2)
    const depth = counted({ cgroup, walk: 'ancestors_up' })
    assert.is(counted({ cgroup: `${cgroup}/a/b`, walk: 'ancestors_up' }), depth + 2)
    assert.ok(counted({}) >= 3)
  } finally {
    for (const one of ['a/b', 'a', '']) rmdirSync(`${cgroup}/${one}`)
  }
})

onKernel('the elements of a map of the object, by its name', () => {
  using object = loaded('on_element', { iterator: 'bpf_map_elem', map: 'flows' })
  const flows = object.maps.get('flows')
  for (const key of [1, 2, 3]) flows.set(key, BigInt(key) * 100n)
  object.attach()
  const bytes = object.links.get('on_element').read()
  const view = new DataView(bytes.buffer)
  const seen = new Map<number, bigint>()
  for (let at = 0; at < bytes.length; at += 12)
    seen.set(view.getUint32(at, true), view.getBigUint64(at + 4, true))
  assert.equal(
    new Map([...seen].sort()),
    new Map([
      [1, 100n],
      [2, 200n],
      [3, 300n],
    ]),
  )
  const info = object.links.get('on_element').info()
  assert.is(info.kind === 'iter' && info.mapId, object.maps.get('flows').id)
})

onKernel('the elements of a map by the path of its pin', () => {
  using object = loaded('on_element')
  object.pin()
  try {
    object.programs.get('on_element').spec!.target = {
      iterator: 'bpf_map_elem',
      map: `${object.pinPath}/maps/flows`,
    }
    object.maps.get('flows').set(9, 9n)
    using link = object.programs.get('on_element').attach()
    assert.is(link.read().length, 12)
  } finally {
    object.unpin()
  }
})

onKernel('what is longer than the kernel collects at once is read to its end', async () => {
  using object = attached('on_task_at_length')
  const link = object.links.get('on_task_at_length')
  const length = link.read().length
  assert.ok(length > 32_768, `${length}`)
  assert.is(length % (8 * 496), 0)
  const streamed = await buffer(link.stream())
  assert.ok(Math.abs(streamed.length - length) < 20 * 8 * 496)
})

onKernel('a stream that is given up has its descriptor closed', async () => {
  using object = attached('on_task_at_length')
  const before = readdirSync('/proc/self/fd').length
  for await (const _ of object.links.get('on_task_at_length').stream()) break
  assert.is(readdirSync('/proc/self/fd').length, before)
})

onKernel('an iterator over a map that is not named is left out, and it is said what it lacks', () => {
  using object = attached('on_element')
  assert.equal(object.unattached, [{ program: 'on_element', wants: 'the map whose elements it walks over' }])
})

onKernel('a program by itself finds the maps of its object, also where it was found pinned', () => {
  const target = { iterator: 'bpf_map_elem', map: 'flows' }
  using object = loaded('on_element', target)
  const walk = (program: BpfProgram): number => {
    using link = program.attach()
    return link.read().length
  }
  object.maps.get('flows').set(9, 9n)
  assert.is(walk(object.programs.get('on_element')), 12)
  object.pin()
  const spec = openObject(fixture('link-iter'), { root })
  for (const one of spec.programs) one.autoload = one.name === 'on_element'
  using again = spec.loadPinned()
  const program = again.programs.get('on_element')
  program.spec!.target = target
  assert.is(walk(program), 12)
  again.unpin()
})

onKernel('a map that the object does not have is refused with near names', () => {
  using object = loaded('on_element', { iterator: 'bpf_map_elem', map: 'flow' })
  const error = failure(() => object.programs.get('on_element').attach())
  assert.is(error.code, 'ERR_UNKNOWN_NAME')
  assert.match(error.message, /no map 'flow'; did you mean 'flows'/)
})

onKernel('a program whose section names no iterator is loaded for that of its target', () => {
  using object = attached('on_any', { iterator: 'bpf_map' })
  const info = object.links.get('on_any').info()
  assert.is(info.kind === 'iter' && info.targetName, 'bpf_map')
  const error = failure(() => loaded('on_any'))
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.hint!, /SEC\("\?iter\/name_of_the_hook"\), or .*\{ iterator: '\.\.\.' \}/)
})

onKernel('a program with a section name of its own is attached once its types and target are set', () => {
  const spec = openObject(fixture('link-iter'), { root })
  for (const one of spec.programs) one.autoload = one.name === 'on_own_section'
  Object.assign(spec.programs.get('on_own_section'), {
    ...{ type: 'tracing', attachType: 'trace_iter', target: { iterator: 'bpf_map' } },
  })
  using object = spec.load()
  object.attach()
  assert.ok(objects(object.links.get('on_own_section')) > 0)
})

onKernel('another iterator than the one of the section is refused', () => {
  using object = loaded('on_task', { iterator: 'task_file' })
  const error = failure(() => object.attach())
  assert.is(error.code, 'ERR_VALUE')
  assert.match(error.message, /loaded for 'task', not for 'task_file'/)
})

onKernel('a link of another kind cannot be read', () => {
  const spec = openObject(fixture('links'))
  for (const one of spec.programs) one.autoload = one.name === 'on_raw'
  using object = spec.load()
  object.attach()
  const error = failure(() => object.links.get('on_raw').read())
  assert.is(error.code, 'EINVAL')
  assert.match(error.hint!, /only links of iterators/)
})

test.run()
