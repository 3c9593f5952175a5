import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openMap, openObject, type PinMismatchError } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { makeCalls } from '../calls.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const onKernel = needs(test, 'root')

const tree = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort()

const open = (name: string, options = {}): ObjectSpec =>
  openObject(fixture(name), { root, name: 'same', ...options })

onKernel('equal code on another hook is another object', () => {
  using object = open('same-body-enter').upgrade()
  const exit = failure(() => open('same-body-exit').loadPinned()) as PinMismatchError
  assert.is(exit.code, 'ERR_PIN_MISMATCH')
  assert.match(exit.message, `link 'on_event': target sys_enter is pinned, the object asks for sys_exit`)
  const egress = failure(() => open('same-body-egress').loadPinned())
  assert.match(egress.message, "program 'on_packet' is pinned with other code")
  const cookie = open('same-body-enter')
  cookie.programs.get('on_event').link.cookie = 7n
  assert.match(
    failure(() => cookie.loadPinned()).message,
    "link 'on_event': cookie none is pinned, the object asks for 7",
  )
  object.unpin()
})

onKernel('a target needs to be given only once, and another one makes another object', () => {
  const cgroup = `${cgroups}/bpfpin-same-${process.pid}`
  mkdirSync(cgroup)
  const withTarget = (path?: string): ObjectSpec => {
    const spec = open('same-body-enter')
    if (path !== undefined) spec.programs.get('on_packet').target = { cgroup: path }
    return spec
  }
  using object = withTarget(cgroup).upgrade()
  assert.equal(object.unattached, [])
  using again = withTarget().upgrade()
  assert.is(again.links.get('on_packet').id, object.links.get('on_packet').id)
  assert.match(failure(() => withTarget(cgroups).loadPinned()).message, "link 'on_packet': target")
  object.unpin()
  using without = withTarget().upgrade()
  assert.equal(without.unattached, [{ program: 'on_packet', wants: 'a cgroup directory' }])
  using withoutAgain = withTarget().upgrade()
  assert.equal(withoutAgain.unattached, without.unattached)
  assert.match(failure(() => withTarget(cgroup).loadPinned()).message, "link 'on_packet' is not pinned")
  without.unpin()
  rmdirSync(cgroup)
})

onKernel(
  'a link whose cgroup is gone is not taken for the object alive, and made anew by an upgrade',
  async () => {
    const cgroup = `${cgroups}/bpfpin-dead-${process.pid}`
    mkdirSync(cgroup)
    const spec = open('same-body-enter')
    spec.programs.get('on_packet').target = { cgroup }
    using object = spec.upgrade()
    rmdirSync(cgroup)
    const link = object.links.get('on_packet')
    for (let tries = 0; link.alive && tries < 200; tries++)
      await new Promise(resolve => setTimeout(resolve, 10))
    const error = failure(() => open('same-body-enter').loadPinned())
    assert.is(error.code, 'ERR_LINK_DEAD')
    assert.match(error.message, `link 'on_packet' is dead: what it was attached to (${cgroup}) is gone`)
    const before = tree()
    const nowhere = failure(() => open('same-body-enter').upgrade())
    assert.is(nowhere.code, 'ENOENT')
    assert.match(nowhere.message, cgroup)
    assert.equal(tree(), before)
    mkdirSync(cgroup)
    using mended = open('same-body-enter').upgrade()
    assert.ok(mended.links.get('on_packet').alive)
    assert.not.equal(mended.links.get('on_packet').id, link.id)
    // all else is what it was
    for (const { name, id } of object.programs) assert.is(mended.programs.get(name).id, id)
    assert.is(mended.links.get('on_event').id, object.links.get('on_event').id)
    mended.unpin()
    rmdirSync(cgroup)
  },
)

onKernel('a program that went with its process is not taken for one that is still attached', () => {
  const partly = (): ObjectSpec => {
    const spec = open('same-body-enter')
    const program = spec.programs.get('on_event')
    program.pinPath = null
    program.link.pinPath = null
    return spec
  }
  const first = partly().upgrade()
  assert.is(first.links.get('on_event').alive, true)
  first.close()
  const error = failure(() => partly().loadPinned()) as PinMismatchError
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.equal(error.verdicts, [{ kind: 'program', name: 'on_event', verdict: 'new' }])
  using again = partly().upgrade()
  const before = again.variables.get('events').get() as bigint
  makeCalls(3)
  assert.ok((again.variables.get('events').get() as bigint) >= before + 3n)
  again.unpin()
})

onKernel('a program that is not pinned is held by its link, and found by it', () => {
  const linked = (): ObjectSpec => {
    const spec = open('same-body-enter')
    spec.programs.get('on_event').pinPath = null
    return spec
  }
  linked().upgrade().close()
  using again = linked().loadPinned()
  assert.is(again.links.get('on_event').alive, true)
  again.unpin()
})

onKernel('a program is not attached a second time while its object is pinned', () => {
  using object = open('same-body-enter').upgrade()
  using loaded = open('same-body-enter').load()
  for (const run of [() => loaded.attach(), () => loaded.pin()]) assert.is(failure(run).code, 'ERR_PINNED')
  makeCalls(1)
  const before = object.variables.get('events').get() as bigint
  assert.is(loaded.links.size, 0)
  // nothing of what was only loaded is unpinned with it
  assert.equal(loaded.unpin().removed, 0)
  assert.ok(tree().includes('same'))
  makeCalls(10)
  assert.ok((object.variables.get('events').get() as bigint) > before)
  object.unpin()
})

onKernel('a link that is not to be pinned is made again by who finds the object', () => {
  const spec = open('same-body-enter')
  spec.programs.get('on_event').link.pinPath = null
  const first = spec.upgrade()
  first.close()
  using again = spec.upgrade()
  const events = again.variables.get('events')
  const before = events.get() as bigint
  makeCalls(10)
  assert.ok((events.get() as bigint) >= before + 10n)
  again.unpin()
})

onKernel('an object that took the name since is not unpinned for another', () => {
  using first = open('same-body-enter').upgrade()
  first.unpin()
  using second = open('same-body-enter').upgrade()
  using stale = open('same-body-enter').upgrade()
  second.unpin()
  using third = open('same-body-exit').upgrade()
  const before = tree()
  assert.is(stale.unpin().removed, 0)
  assert.equal(tree(), before)
  third.unpin()
  assert.equal(tree(), [])
})

onKernel('a map at a path outside is shared by objects, and stays for who did not pin it', () => {
  const sharing = (name: string): ObjectSpec => {
    const spec = openObject(fixture('map-kinds'), { root, name, layout: 'libbpf' })
    spec.maps.get('prefixes').pinPath = 'common/prefixes'
    return spec
  }
  mkdirSync(`${root}/common`)
  using one = sharing('one').upgrade()
  using two = sharing('two').upgrade()
  for (const map of ['shared', 'prefixes']) assert.is(two.maps.get(map).id, one.maps.get(map).id, map)
  using again = sharing('two').upgrade()
  assert.is(again.maps.get('shared').id, one.maps.get('shared').id)
  two.unpin()
  using shared = openMap(`${root}/shared`)
  assert.is(shared.id, one.maps.get('shared').id)
  one.unpin()
  assert.equal(tree(), ['common'])
  rmdirSync(`${root}/common`)
})

onKernel('a pin of somebody else at a wanted path is refused by its kind, name and id, and stays', () => {
  using stranger = openObject(fixture('dead-branch'), { root, name: 'stranger' }).upgrade()
  const path = `${root}/stranger/programs/careless`
  const spec = open('same-body-enter')
  spec.programs.get('on_event').pinPath = path
  const error = failure(() => spec.upgrade())
  assert.is(error.code, 'EEXIST')
  assert.is(error.path, path)
  const { id } = stranger.programs.get('careless')
  assert.match(
    error.message,
    `pinning program 'on_event': the program 'careless' with id ${id} is pinned at ${path}`,
  )
  const map = open('same-body-enter')
  map.maps.get('.bss').pinPath = path
  const kind = failure(() => map.upgrade())
  assert.is(kind.code, 'ERR_PIN_KIND')
  assert.match(kind.message, `the program 'careless' with id ${id} is pinned at ${path}, expected a map`)
  using still = openObject(fixture('dead-branch'), { root, name: 'stranger' }).upgrade()
  assert.is(still.programs.get('careless').id, id)
  still.unpin()
  assert.equal(tree(), [])
})

onKernel('two things at one path are refused before anything is pinned', () => {
  const spec = open('counter')
  spec.maps.get('totals').pinPath = 'one'
  spec.maps.get('per_cpu').pinPath = 'one'
  using object = spec.load()
  const error = failure(() => object.pin())
  assert.is(error.code, 'ERR_NAME')
  assert.match(error.message, `map 'per_cpu' and map 'totals' are to be pinned at one path, ${root}/one`)
  assert.equal(tree(), [])
})

onKernel('a given map stays the callers, and one that does not fit is refused by its parameters', () => {
  using first = open('counter', { name: 'first' }).load()
  using second = open('counter', { name: 'second' }).load({ maps: { totals: first.maps.get('totals') } })
  assert.is(second.maps.get('totals').id, first.maps.get('totals').id)
  second.close()
  assert.is(first.maps.get('totals').get(0), 0n)
  const error = failure(() => open('counter').load({ maps: { totals: first.maps.get('per_cpu') } }))
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, "map 'totals': type percpu_array is pinned, the object asks for array")
  assert.is(first.maps.get('per_cpu').closed, false)
})

onKernel('a root that was made for a pin that failed is removed again', () => {
  using object = open('same-body-enter', { root: `${root}/a/b` }).load()
  interceptSyscalls(call => (call.name === 'bpf(BPF_OBJ_PIN)' ? -28 : undefined))
  const error = failure(() => object.pin())
  interceptSyscalls(undefined)
  assert.is(error.code, 'ENOSPC')
  assert.equal(tree(), [])
})

onKernel('an object that is found says of what is not pinned that it is not', () => {
  const open = () => {
    const spec = openObject(fixture('functions'), { root })
    spec.maps.get('.bss').pinPath = null
    spec.programs.get('run').pinPath = null
    return spec
  }
  const variable = [...openObject(fixture('functions')).variables].find(({ map }) => map === '.bss')!.name
  using first = open().load()
  assert.is(first.maps.get('.bss').name, '.bss')
  first.pin()
  using again = open().loadPinned()
  assert.not(again.maps.has('.bss'))
  const errors = [
    failure(() => again.maps.get('.bss')),
    failure(() => again.programs.get('run')),
    failure(() => again.variables.get(variable)),
  ]
  const why = 'is not pinned, as its pinPath is null'
  assert.equal(
    errors.map(({ code }) => code),
    Array(3).fill('ERR_UNKNOWN_NAME'),
  )
  assert.match(errors[0]!.message, `map '.bss' ${why}`)
  assert.match(errors[1]!.message, `program 'run' ${why}`)
  assert.match(errors[2]!.message, `variable '${variable}' is in map '.bss', which ${why}`)
  assert.match(failure(() => again.maps.get('bss')).message, "there is no map 'bss'")
  first.unpin()
})

onKernel('what was not to be created or loaded says so', () => {
  const spec = openObject(fixture('functions'), { root })
  spec.programs.get('run').autoload = false
  spec.maps.get('numbers').autocreate = false
  using object = spec.load()
  assert.match(failure(() => object.programs.get('run')).message, "program 'run' was not loaded")
  assert.match(failure(() => object.maps.get('numbers')).message, "map 'numbers' was not created")
})

test.run()
