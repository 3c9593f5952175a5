// Several links of one program.
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type ProgramSpec, type Target } from '../../src/index.ts'
import { plannedLinks } from '../../src/link/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { Network } from './network.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const withNetwork = needs(test, 'root', 'ip', 'unshare', 'nsenter')

/** A program of a fixture, and what it is to be attached to. */
function planned(
  object: string,
  program: string,
  given: { target?: Target; targets?: ProgramSpec['targets'] },
): string[] {
  const spec = openObject(fixture(object)).programs.get(program)
  Object.assign(spec, given)
  return plannedLinks(spec).map(({ name, wants }) => (wants === undefined ? name : `${name}: ${wants}`))
}

test('a program has a link for its target and one for each labelled target', () => {
  const targets = { first: { interface: 'a' }, 'se-co.nd_2': { interface: 'b' } }
  assert.equal(planned('link-net', 'on_xdp', {}), ['on_xdp: a network interface'])
  assert.equal(planned('link-net', 'on_xdp', { target: { interface: 'c' } }), ['on_xdp'])
  assert.equal(planned('link-net', 'on_xdp', { targets }), ['on_xdp~first', 'on_xdp~se-co.nd_2'])
  assert.equal(planned('link-net', 'on_xdp', { target: { interface: 'c' }, targets }), [
    'on_xdp',
    'on_xdp~first',
    'on_xdp~se-co.nd_2',
  ])
})

test('what the section says is a place only where nothing else is said', () => {
  const targets = { cat: { binary: '/bin/cat', symbol: 'main' } }
  assert.equal(planned('link-user', 'on_call', {}), ['on_call'])
  assert.equal(planned('link-user', 'on_call', { targets }), ['on_call~cat'])
})

test('a label that could be mistaken or is no name is refused', () => {
  for (const label of ['', '1', '007', 'a b', 'a/b', 'a~b', 'é']) {
    const error = failure(() => planned('link-net', 'on_xdp', { targets: { [label]: { interface: 'a' } } }))
    assert.is(error.code, 'ERR_VALUE', label)
    assert.match(error.hint!, /not of digits only/)
  }
})

withNetwork('one program is attached to two interfaces', async () => {
  const network = await Network.make()
  try {
    const places = { [`bp${process.pid}d`]: '192.0.2.1', [`bp${process.pid}e`]: '198.51.100.1' }
    for (const [name, address] of Object.entries(places)) network.connect(name, address)
    const [inner = '', outer = ''] = Object.keys(places)
    const spec = openObject(fixture('link-net'))
    for (const one of spec.programs) one.autoload = one.name === 'on_xdp'
    spec.programs.get('on_xdp').targets = { inner: { interface: inner }, outer: { interface: outer } }
    using object = spec.load()
    object.attach()
    const links = [...object.links].map(({ name, program, label, target }) => ({
      name,
      program,
      label,
      target,
    }))
    assert.equal(links, [
      { name: 'on_xdp~inner', program: 'on_xdp', label: 'inner', target: { interface: inner } },
      { name: 'on_xdp~outer', program: 'on_xdp', label: 'outer', target: { interface: outer } },
    ])
    const packets = (): bigint => object.variables.get('xdp_packets').get() as bigint // it is u64
    for (const address of Object.values(places)) {
      const before = packets()
      await network.send(10, address)
      assert.ok(packets() >= before + 10n, address)
    }
    // a second time attaches nothing twice
    object.attach()
    assert.is(object.links.size, 2)
    const error = failure(() => object.programs.get('on_xdp').attach({ label: 'iner' }))
    assert.is(error.code, 'ERR_UNKNOWN_NAME')
    assert.match(error.message, /no target labelled 'iner'; did you mean 'inner'/)
  } finally {
    await network.close()
  }
})

withNetwork('labelled links are pinned, found again and unpinned, each by its own name', async () => {
  const network = await Network.make()
  try {
    const spec = openObject(fixture('link-net'), { root })
    for (const one of spec.programs) one.autoload = one.name === 'on_lookup'
    const target = { netns: network.path }
    Object.assign(spec.programs.get('on_lookup'), { target, targets: { 'second.one': target } })
    const ids = (object: BpfObject): [string, number][] => [...object.links].map(({ name, id }) => [name, id])
    const first = spec.upgrade()
    const expected = ids(first)
    assert.equal(readdirSync(`${first.pinPath}/links`).sort(), ['on_lookup', 'on_lookup~second:one'])
    first.close()
    using again = spec.upgrade()
    assert.equal(ids(again), expected)
    assert.equal(
      [...again.links].map(({ label }) => label),
      [undefined, 'second.one'],
    )
    again.unpin()
    assert.equal(readdirSync(root), [])
  } finally {
    await network.close()
  }
})

test.run()
