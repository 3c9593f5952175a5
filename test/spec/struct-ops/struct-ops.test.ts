// struct_ops maps: what an object says of them, and how a struct becomes the kernel's.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Btf, readBtf, type Value } from '../../../src/btf/index.ts'
import { parseElf } from '../../../src/elf/index.ts'
import { type ObjectSpec, openObject } from '../../../src/index.ts'
import { opsSwitch } from '../../../src/plan/link-switch.ts'
import { linkOwners } from '../../../src/spec/link-owner.ts'
import { loadedPrograms } from '../../../src/spec/loaded.ts'
import { forOlderKernels } from '../../../src/spec/older-types.ts'
import { fillOps, matchOps } from '../../../src/spec/struct-ops/match.ts'
import type { StructOpsSpec } from '../../../src/spec/struct-ops/struct-ops.ts'
import { failure } from '../../failure.ts'
import { fixture } from '../../fixtures.ts'

const elf = parseElf(readFileSync(fixture('struct-ops-kernel')))
const types = readBtf(elf.scanner, elf.rangeOf(elf.section('.BTF')!))
const kernel = { main: () => ({ name: 'vmlinux', btf: types }), modules: () => [] }

const shapes = (): ObjectSpec => openObject(fixture('struct-ops-shapes'))
const opsOf = (spec: ObjectSpec, map: string): StructOpsSpec => {
  const { structOps } = spec.maps.get(map)
  if (!structOps) throw new Error(`map '${map}' is no struct_ops map`)
  return structOps
}
const loaded = (spec: ObjectSpec): string[] => loadedPrograms(spec.spec).map(({ name }) => name)

test('a section says whether its maps have links, and whether they are created', () => {
  const spec = openObject(fixture('struct-ops'))
  const told = ['linked', 'plain', 'flavoured'].map(name => {
    const { type, keySize, maxEntries, flags, autocreate } = spec.maps.get(name)
    return { type, keySize, maxEntries, flags, autocreate }
  })
  const each = { type: 'struct_ops', keySize: 4, maxEntries: 1 }
  // BPF_F_LINK
  assert.equal(told, [
    { ...each, flags: 1 << 13, autocreate: true },
    { ...each, flags: 0, autocreate: false },
    { ...each, flags: 1 << 13, autocreate: false },
  ])
})

test('members have the values and programs that the source has, and can be set', () => {
  const ops = opsOf(shapes(), 'fits')
  const read = (): Record<string, Value | null> =>
    Object.fromEntries(ops.members.map(name => [name, ops.get(name)]))
  const source = {
    ...{ first: 'one', not_there: 0, nor_this: null, wide: 0x1122334455667788n, pair: { x: 7, y: 8 } },
    ...{ owner: 0n, second: 'two', name: 'fits' },
  }
  assert.equal(read(), source)
  ops.set('name', 'other')
  ops.set('pair', { x: -1, y: 1 })
  ops.set('first', 'spare')
  ops.set('second', null)
  assert.equal(read(), { ...source, name: 'other', pair: { x: -1, y: 1 }, first: 'spare', second: null })
  assert.equal([...ops.programs], ['spare'])
  assert.equal(ops.target, { structOps: 'shapes', name: 'other' })
})

test('what a member cannot hold is refused by its name', () => {
  const ops = opsOf(shapes(), 'fits')
  const refused = (member: string, value: Value | null): string =>
    failure(() => ops.set(member, value)).message
  assert.match(refused('naem', 'x'), /struct shapes of map 'fits' has no member 'naem'.*'name'/)
  assert.match(refused('name', 'longer than eight'), 'fits.name')
  assert.match(refused('first', 3), 'fits.first expected the name of a program or null, got 3')
  assert.match(refused('wide', null), 'fits.wide expected long long, got null')
  assert.match(refused('', 1), "has no member ''")
  const bits = opsOf(shapes(), 'bitfield')
  assert.match(failure(() => bits.set('bits', 1)).message, 'bitfield.bits is a bitfield')
})

test('a program is loaded if a map that is created points to it', () => {
  const spec = openObject(fixture('struct-ops'))
  const linked = ['on_ssthresh', 'on_undo_cwnd', 'on_cong_avoid', 'on_state']
  assert.equal(loaded(spec), linked)
  spec.maps.get('flavoured').autocreate = true
  assert.equal(loaded(spec), ['on_ssthresh', 'on_undo_cwnd', 'on_cong_avoid', 'on_cong_avoid_2', 'on_state'])
  spec.maps.get('linked').autocreate = false
  assert.equal(loaded(spec), ['on_ssthresh', 'on_undo_cwnd', 'on_cong_avoid_2'])
  opsOf(spec, 'flavoured').set('nor_this', 'on_nothing')
  opsOf(spec, 'flavoured').set('cong_avoid', null)
  assert.equal(loaded(spec), ['on_ssthresh', 'on_undo_cwnd', 'on_nothing'])
  const owners = linkOwners(spec.spec).filter(({ rule }) => rule?.family === 'struct_ops')
  assert.equal(
    owners.map(({ name, target }) => ({ name, target })),
    [{ name: 'flavoured', target: { structOps: 'tcp_congestion_ops', name: 'bpfpin_other' } }],
  )
})

test("sections with a '?' have a name without for kernels that take none, and the same ids", () => {
  const types = openObject(fixture('struct-ops')).spec.kernelBtf?.()
  if (!types) throw new Error('the object has no types')
  const sections = (btf: Btf): [number, string][] => [...btf.ids('datasec')].map(id => [id, btf.nameOf(id)])
  const [older] = forOlderKernels(types)
  const expected = sections(types).map(([id, name]) => [id, name.replace('?', '_')])
  assert.equal(older && sections(older), expected)
  assert.ok(sections(types).some(([, name]) => name === '?.struct_ops'))
})

test('what is registered gives way in the same link only where its subsystem can do that', () => {
  // update of each struct bpf_struct_ops in Linux 6.18: bpf_tcp_ca_update; EOPNOTSUPP, or none, in all others
  const switches = ['tcp_congestion_ops', 'sched_ext_ops', 'hid_bpf_ops', 'Qdisc_ops'].map(structOps => [
    structOps,
    opsSwitch({ structOps }),
  ])
  assert.equal(switches, [
    ['tcp_congestion_ops', 'update'],
    ['sched_ext_ops', 'gap'],
    ['hid_bpf_ops', 'gap'],
    ['Qdisc_ops', 'gap'],
  ])
})

test('a struct is laid out as the kernel has it, by the names of its members', () => {
  const { value, functions, valueSize, struct } = matchOps('fits', opsOf(shapes(), 'fits'), kernel)
  // as the compiler laid out the kernel's side: 64 bytes in front of the struct
  const data = new DataView(value.buffer, 64)
  assert.is(valueSize, 64 + 64)
  assert.is(new TextDecoder().decode(value.subarray(64, 68)), 'fits')
  assert.is(data.getBigUint64(24, true), 0x1122334455667788n)
  assert.equal([data.getInt16(32, true), data.getInt16(34, true)], [5, 6])
  assert.equal([data.getInt32(36, true), data.getInt32(40, true)], [7, 8])
  assert.is(value.filter(byte => byte !== 0).length, 4 + 8 + 2 + 2)
  const member = (name: string): number => struct.members.findIndex(each => each.name === name)
  assert.equal(functions, [
    { program: 'one', offset: 64 + 16, member: member('first') },
    { program: 'two', offset: 64 + 8, member: member('second') },
  ])
  const filled = fillOps(matchOps('fits', opsOf(shapes(), 'fits'), kernel), name =>
    name === 'one' ? 11 : 12,
  )
  const words = new DataView(filled.buffer, 64)
  assert.equal([words.getBigUint64(8, true), words.getBigUint64(16, true)], [12n, 11n])
})

test('what the kernel does not have may be there as long as it is not set', () => {
  const ops = opsOf(shapes(), 'set_missing')
  assert.match(
    failure(() => matchOps('set_missing', ops, kernel)).message,
    "map 'set_missing' (struct shapes): member 'not_there' is set, and the kernel has no such member",
  )
  ops.set('not_there', 0)
  matchOps('set_missing', ops, kernel)
  const withFunction = opsOf(shapes(), 'function_missing')
  assert.match(failure(() => matchOps('m', withFunction, kernel)).message, "member 'nor_this' is set")
  withFunction.set('nor_this', null)
  assert.equal(matchOps('m', withFunction, kernel).functions, [])
})

const refused: readonly [map: string, message: string][] = [
  ['owned', "member 'owner' is a pointer that is set, and not to a program of the object"],
  ['too_wide', "member 'narrow' has 4 bytes, in the kernel it has 2"],
  ['other_kind', "member 'narrow' is struct"],
  ['bitfield', "member 'bits' is a bitfield"],
  ['no_function', "member 'owner' points to program 'one', in the kernel it points to no function"],
  [
    'astray',
    'this kernel takes no struct astray: its types and those of its modules have no struct bpf_struct_ops_astray',
  ],
  ['nowhere', 'this kernel takes no struct nowhere'],
]

for (const [map, message] of refused) {
  test(`what differs from the kernel's struct is told of: ${map}`, () => {
    const error = failure(() => matchOps(map, opsOf(shapes(), map), kernel))
    assert.is(error.code, 'ERR_STRUCT_OPS')
    assert.match(error.message, message)
  })
}

test.run()
