// Programs on interfaces and in network namespaces.
import { execFileSync } from 'node:child_process'
import { unlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, openPinned, type Target } from '../../src/index.ts'
import { interfaceIndex } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, needs } from '../requirements.ts'
import type { Job, Report } from './job.ts'
import { Network } from './network.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const withNetwork = needs(test, 'root', 'ip', 'unshare', 'nsenter')
const withTcx = needs(test, 'root', 'ip', 'unshare', 'nsenter', 'linux 6.6')

/** At most 15 characters, and nobody else's. */
const [one, two] = [`bp${process.pid}a`, `bp${process.pid}b`]
const addresses = { [one]: '192.0.2.1', [two]: '198.51.100.1' }
let network: Network

test.before(async () => {
  // the tests say by themselves what they need
  if (commandPath('ip') === undefined) return
  network = await Network.make()
  for (const [name, address] of Object.entries(addresses)) network.connect(name, address)
})
test.after(() => network?.close()) // the interfaces go with their peers

let objects = 0

/** Programs of the fixture with their targets, loaded, as an object of its own. */
function loaded(targets: Record<string, Target>): BpfObject {
  const spec = openObject(fixture('link-net'), { root, name: `object ${++objects}` })
  for (const program of spec.programs) {
    program.autoload = program.name in targets
    program.target = targets[program.name]
  }
  spec.programs.get('on_stop').attachType = 'tcx_ingress'
  return spec.load()
}

const count = (object: BpfObject, name: string): bigint => object.variables.get(name).get() as bigint // they are u64
const sendTo = (name: string): Promise<void> => network.send(10, addresses[name])

/** What iproute2 shows of the XDP program of an interface; its modes are 1 native, 2 generic. */
const shownXdp = (name: string): { mode: number; prog: { id: number } } | undefined =>
  JSON.parse(execFileSync('ip', ['-json', 'link', 'show', name], { encoding: 'utf8' }))[0].xdp

withNetwork('a program for a network card is loaded for that card, and refused where there is none', () => {
  const error = failure(() => loaded({ on_xdp: { interface: 'lo', mode: 'offload' } }))
  // lo has no way to be asked (kernel/bpf/offload.c: bpf_dev_offload_check)
  assert.is(error.code, 'EOPNOTSUPP')
  assert.is(error.syscall, 'bpf(BPF_PROG_LOAD)')
  assert.match(error.hint!, /card runs no BPF programs/)
  // a veth has, and no card behind it
  assert.is(failure(() => loaded({ on_xdp: { interface: one, mode: 'offload' } })).code, 'EINVAL')
  const missing = failure(() => loaded({ on_xdp: { interface: 'no-such', mode: 'offload' } }))
  assert.match(missing.message, /^loading program 'on_xdp'.*SIOCGIFINDEX/)
})

withNetwork('a pipe in the place of a network namespace is refused, and not waited for', () => {
  const pipe = `/tmp/bpfpin-pipe-${process.pid}`
  execFileSync('mkfifo', [pipe])
  try {
    using object = loaded({ on_lookup: { netns: pipe } })
    assert.is(failure(() => object.attach()).code, 'EINVAL')
  } finally {
    unlinkSync(pipe)
  }
})

withNetwork('a program for a network card is for that card only', () => {
  const spec = openObject(fixture('link-net'))
  for (const program of spec.programs) program.autoload = program.name === 'on_xdp'
  const card = { interface: one, mode: 'offload' } as const
  spec.programs.get('on_xdp').targets = { card, other: { interface: two } }
  const error = failure(() => spec.load())
  assert.is(error.code, 'ERR_VALUE')
  assert.match(error.message, /attached to that card only/)
})

withNetwork('an interface has the index that ip shows', () => {
  const [shown] = JSON.parse(execFileSync('ip', ['-json', 'link', 'show', one], { encoding: 'utf8' }))
  assert.is(interfaceIndex(one), shown.ifindex)
  assert.is(interfaceIndex('no-such'), -19)
  assert.is(interfaceIndex('a-name-that-no-interface-can-have'), -19)
})

for (const [mode, number] of [
  ['native', 1],
  ['generic', 2],
] as const) {
  withNetwork(`XDP runs in the mode that was asked for: ${mode}`, async () => {
    using object = loaded({ on_xdp: { interface: one, mode } })
    object.attach()
    const shown = shownXdp(one)
    assert.is(shown?.mode, number)
    assert.is(shown?.prog.id, object.programs.get('on_xdp').id)
    await sendTo(one)
    await setTimeout(20)
    assert.ok(count(object, 'xdp_packets') >= 10n)
    assert.equal(object.links.get('on_xdp').target, { interface: one, mode })
    object.pin()
    try {
      using reader = openPinned(object.pinPath)
      assert.is(reader.links.get('on_xdp').mode, mode)
    } finally {
      object.unpin()
    }
  })
}

withNetwork('a program that takes packets in fragments is attached by index', async () => {
  using object = loaded({ on_frags: { interface: interfaceIndex(two) } })
  object.attach()
  await sendTo(two)
  await setTimeout(20)
  assert.ok(count(object, 'frags_packets') >= 10n)
})

withNetwork('a second XDP program at one interface is refused, and it is said why', () => {
  using first = loaded({ on_xdp: { interface: one } })
  first.attach()
  using second = loaded({ on_frags: { interface: one } })
  const error = failure(() => second.attach())
  assert.is(error.code, 'EBUSY')
  assert.match(error.hint!, /attached to that interface already/)
})

/** What cannot be attached to, and why. */
const refused: readonly [program: string, target: Target, code: string, problem: RegExp][] = [
  ['on_xdp', { interface: 'no-such' }, 'ENODEV', /no interface 'no-such' in the network namespace/],
  ['on_xdp', { interface: 999_999 }, 'EINVAL', /no interface of that index/],
  ['on_ingress', { interface: 999_999 }, 'ENODEV', /no interface of that index/],
  ['on_xdp', { interface: 'lo', mode: 'native' }, 'EOPNOTSUPP', /mode: 'generic'/],
  ['on_xdp', { interface: 'lo', before: 'all' }, 'ERR_VALUE', /'before', which a link of its kind has not/],
  ['on_xdp', { cgroup: '/' }, 'ERR_VALUE', /is attached to a network interface, not to '\/'/],
  [
    'on_ingress',
    { interface: 'lo', mode: 'native' },
    'ERR_VALUE',
    /'mode', which a link of its kind has not/,
  ],
  [
    'on_ingress',
    { interface: 'lo', before: 'all', after: 'all' },
    'ERR_VALUE',
    /before or after others, not both/,
  ],
  ['on_lookup', { netns: '/run/netns/no-such' }, 'ENOENT', /no '\/run\/netns/],
  ['on_lookup', { netns: '/proc/self/ns/mnt' }, 'EINVAL', /no file of a network namespace/],
]

for (const [program, target, code, problem] of refused) {
  const register = program === 'on_ingress' ? withTcx : withNetwork
  register(`${program} on ${JSON.stringify(target)} is refused: ${problem.source}`, () => {
    using object = loaded({ [program]: target })
    const error = failure(() => object.attach())
    assert.is(error.code, code)
    assert.match(`${error.message} ${error.hint}`, problem)
  })
}

withTcx('programs of one interface run in the order that was asked for', async () => {
  /** Is on_ingress kept from seeing anything by on_stop, which was attached first? */
  const isBehind = async (place: (stop: BpfObject) => object): Promise<boolean> => {
    using stop = loaded({ on_stop: { interface: one } })
    stop.attach()
    using object = loaded({ on_ingress: { interface: one, ...place(stop) } })
    object.attach()
    await sendTo(one)
    await setTimeout(20)
    assert.ok(count(stop, 'stopped_packets') >= 10n)
    return count(object, 'ingress_packets') === 0n
  }
  assert.ok(await isBehind(() => ({})))
  assert.ok(await isBehind(() => ({ after: 'all' })))
  assert.not(await isBehind(() => ({ before: 'all' })))
  assert.not(await isBehind(stop => ({ before: { link: stop.links.get('on_stop').id } })))
  assert.ok(await isBehind(stop => ({ after: { link: stop.links.get('on_stop').id } })))
  assert.not(await isBehind(stop => ({ before: { program: stop.programs.get('on_stop').id } })))
  const pins: string[] = []
  const pinned = (stop: BpfObject): string => {
    stop.pin()
    pins.push(stop.pinPath)
    return `${stop.pinPath}/links/on_stop`
  }
  assert.not(await isBehind(stop => ({ before: { link: pinned(stop) } })))
  execFileSync('rm', ['-r', ...pins])
})

withTcx('a revision that is not the one of the list is refused, and not kept with the target', () => {
  using first = loaded({ on_ingress: { interface: two, revision: 1 } })
  first.attach()
  assert.equal(first.links.get('on_ingress').target, { interface: two })
  using second = loaded({ on_stop: { interface: two, revision: 1 } })
  const error = failure(() => second.attach())
  assert.is(error.code, 'ESTALE')
  assert.match(error.hint!, /have changed/)
})

withTcx('an anchor that is not there is refused', () => {
  using object = loaded({ on_ingress: { interface: two, before: { link: 0x7fff_fff0 } } })
  assert.is(failure(() => object.attach()).code, 'ENOENT')
  using pinned = loaded({ on_ingress: { interface: two, before: { link: `${root}/nothing` } } })
  assert.is(failure(() => pinned.attach()).path, `${root}/nothing`)
})

withTcx('links to an interface die with it; a new one of its name is found by name', async () => {
  const name = `bp${process.pid}c`
  network.connect(name, '203.0.113.1')
  using object = loaded({ on_xdp: { interface: name }, on_ingress: { interface: name } })
  object.attach()
  const links = [...object.links]
  assert.equal(
    links.map(link => link.alive),
    [true, true],
  )
  execFileSync('ip', ['link', 'delete', name])
  assert.equal(
    links.map(link => link.alive),
    [false, false],
  )
  network.connect(name, '203.0.113.1')
  using again = object.programs.get('on_xdp').attach()
  assert.ok(again.alive)
  execFileSync('ip', ['link', 'delete', name])
})

withNetwork('links to a network namespace die with it', async () => {
  const other = await Network.make()
  const target = { netns: other.path }
  using object = loaded({ on_lookup: target, on_flow: target })
  object.attach()
  const links = [...object.links]
  assert.equal(
    links.map(link => link.alive),
    [true, true],
  )
  await other.send(5)
  assert.ok(count(object, 'lookups') >= 5n)
  await other.close()
  for (let tries = 0; links.some(link => link.alive) && tries < 100; tries++) await setTimeout(20)
  assert.equal(
    links.map(link => link.alive),
    [false, false],
  )
})

withNetwork('a link that was detached is dead, and its program sees nothing more', async () => {
  using object = loaded({ on_xdp: { interface: one } })
  object.attach()
  const link = object.links.get('on_xdp')
  assert.ok(link.detach())
  assert.not(link.alive)
  assert.is(shownXdp(one), undefined)
})

needs(
  test,
  'root',
  'ip',
  'unshare',
  'nsenter',
  'linux 6.4',
)('one program is at a hook of netfilter with one priority', () => {
  const attacher = new URL('./attacher.ts', import.meta.url).pathname
  const job = (name: string, priority: number): Job => ({
    name,
    path: fixture('link-net'),
    program: 'on_netfilter',
    target: { netfilter: 'local_in', family: 'ipv6', priority },
    pid: 0,
  })
  const jobs = JSON.stringify([
    job('first', 7),
    job('same', 7),
    job('next', 8),
    job('too-early', -0x8000_0000),
  ])
  const report = JSON.parse(
    network.run(process.execPath, ...process.execArgv, attacher, root, jobs),
  ) as Report
  assert.type(report.first, 'number')
  assert.match(String(report.same), /to 'ipv6:local_in:7': EBUSY/)
  assert.type(report.next, 'number')
  assert.match(String(report['too-early']), /ERANGE|EINVAL/)
  for (const name of ['first', 'next']) execFileSync('rm', ['-r', `${root}/${name}`])
})

test.run()
