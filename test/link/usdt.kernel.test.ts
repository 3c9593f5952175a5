// What programs see at USDT probes of a running program: test/fixtures/usdt-fire.h says which values are where.
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfError, ObjectSpec } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'
import { counted, hitsOf, opened, probe, scratch, second, Target } from './usdt-target.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const isX86 = process.arch === 'x64'
const onX86 = isX86 ? needs(test, 'root') : () => {}

const EINVAL = -22

onX86('arguments are what the program passes, of each size, from wherever they are', async () => {
  using target = new Target()
  const spec = opened()
  const program = spec.programs.get('on_probe')
  program.targets = Object.fromEntries(
    ['plain', 'counted', 'widths', 'indexed'].map(name => [name, probe(name)]),
  )
  program.link.cookie = 0xfedc_ba98_7654_3210n
  using object = spec.load()
  object.attach()
  await target.fire()
  const hits = hitsOf(object)
  assert.equal(
    hits.map(({ count }) => count),
    [0, 3, 3, 3, 12, 3],
  )
  for (const { cookie, program } of hits) {
    // in C it is a long
    assert.is(BigInt.asUintN(64, cookie), 0xfedc_ba98_7654_3210n)
    assert.is(program, 11)
  }
  for (const hit of hits.slice(1, 4)) assert.equal(hit.value.slice(0, 3), counted)
  // rax is 0x1122334455667788, rbx is -2, r12 is 0xfff0
  assert.equal(hits[4]?.value, [
    ...[0x88n, -2n, 0xfff0n, -0x10n, 0xffff_fffen, -2n, -2n, -2n],
    ...[0x55667788n, 0x7788n, 0xf0n, 0xfff0n],
  ])
  assert.ok(hits[4]?.error.every(error => error === 0))
  // the header of libbpf 1.1, with which the object was made, cannot add an index to an address
  assert.equal(hits[5]?.error.slice(0, 3), [EINVAL, EINVAL, 0])
  assert.is(hits[5]?.value[2], second)
})

onX86('a semaphore is raised for each place as long as somebody looks', async () => {
  using target = new Target()
  assert.is(await target.fire(), 0)
  const spec = opened()
  spec.programs.get('on_probe').target = probe('counted')
  using object = spec.load()
  object.attach()
  assert.is(await target.fire(), 3)
  object.links.get('on_probe').close()
  assert.is(await target.fire(), 0)
  assert.is(hitsOf(object).length, 3)
})

onX86('a section says where the probe is, and arguments come as those of a function', async () => {
  const { PATH } = process.env
  process.env.PATH = `${scratch}:${PATH}`
  try {
    using target = new Target()
    using object = opened({ program: 'on_counted', pid: target.pid }).load()
    object.attach()
    await target.fire()
    for (const hit of hitsOf(object)) assert.equal(hit.value.slice(0, 3), counted)
    assert.is(hitsOf(object).length, 3)
    assert.equal(object.links.get('on_counted').target, {
      usdt: 'bpfpin:counted',
      binary: 'usdt-target.elf',
    })
  } finally {
    process.env.PATH = PATH
  }
})

onX86('a program that may sleep is attached like others', async () => {
  using target = new Target()
  const spec = opened({ program: 'on_sleepable' })
  spec.programs.get('on_sleepable').target = probe('counted')
  using object = spec.load()
  object.attach()
  await target.fire()
  assert.equal(
    hitsOf(object).map(({ program }) => program),
    [12, 12, 12],
  )
})

onX86('a probe of one process sees no other, and is dead with it', async () => {
  using target = new Target()
  using other = new Target()
  const spec = opened()
  spec.programs.get('on_probe').target = probe('counted', target.pid)
  using object = spec.load()
  object.attach()
  await other.fire()
  assert.is(hitsOf(object).length, 0)
  await target.fire()
  assert.is(hitsOf(object).length, 3)
  const link = object.links.get('on_probe')
  assert.is(link.alive, true)
  await target.end()
  assert.is(link.alive, false)
})

onX86('places with equal arguments and cookie share a slot, and no slot is written twice', async () => {
  using target = new Target()
  const spec = opened()
  const program = spec.programs.get('on_probe')
  program.targets = { a: probe('plain'), b: probe('counted'), c: probe('plain'), d: probe('counted') }
  using object = spec.load()
  object.attach()
  const slots = object.maps.get('__bpf_usdt_specs')
  const used = [...slots.keys()].filter(key => (slots.get(key) as { arg_cnt: number }).arg_cnt > 0)
  // the places of `counted` have different arguments, and those of the two links the same
  assert.is(used.length, 3)
  const before = used.map(key => JSON.stringify(slots.get(key), shown))
  program.link.cookie = 5n
  object.links.get('on_probe~d').close()
  object.attach()
  assert.equal(
    used.map(key => JSON.stringify(slots.get(key), shown)),
    before,
  )
  await target.fire()
  const cookies = hitsOf(object).map(({ count, cookie }) => `${count} ${cookie}`)
  assert.equal(cookies.sort(), ['0 0', '0 0', '3 0', '3 0', '3 0', '3 5', '3 5', '3 5'])
})

const shown = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

// usdt.bpf.h: where the kernel has cookies it may be "resized all the way to 1"
onX86('the map that is for kernels without cookies may be as small as it can be', async () => {
  using target = new Target()
  const spec = opened()
  spec.programs.get('on_probe').target = probe('counted')
  spec.maps.get('__bpf_usdt_ip_to_spec_id').maxEntries = 1
  using object = spec.load()
  object.attach()
  await target.fire()
  for (const hit of hitsOf(object)) assert.equal(hit.value.slice(0, 3), counted)
  assert.is(hitsOf(object).length, 3)
})

onX86('more places than there are slots are refused, and nothing stays attached', async () => {
  using target = new Target()
  const spec = opened()
  spec.programs.get('on_probe').target = probe('counted')
  spec.maps.get('__bpf_usdt_specs').maxEntries = 2
  using object = spec.load()
  const error = failure(() => object.attach()) as BpfError
  assert.is(error.code, 'E2BIG')
  assert.match(error.message, 'all 2 slots')
  assert.match(String(error.hint), 'BPF_USDT_MAX_SPEC_CNT')
  assert.is(await target.fire(), 0)
})

onX86('a process that is not there is refused', () => {
  const spec = opened()
  spec.programs.get('on_probe').target = probe('counted', 2 ** 22 + 1)
  using object = spec.load()
  assert.is((failure(() => object.attach()) as BpfError).code, 'ESRCH')
})

onX86('links that are pinned go on, are found again, and run the next version after an upgrade', async () => {
  using target = new Target()
  const specOf = (version: number): ObjectSpec => {
    const spec = opened({ version })
    const program = spec.programs.get('on_probe')
    program.targets = { counted: probe('counted'), widths: probe('widths') }
    program.link.cookie = 7n
    return spec
  }
  specOf(1).upgrade().close()
  assert.is(await target.fire(), 3)

  using found = specOf(1).upgrade()
  assert.is(found.wasFound, true)
  assert.is(hitsOf(found).length, 4)
  assert.is(await target.fire(), 3)
  assert.equal(
    hitsOf(found).map(({ program, cookie }) => `${program} ${cookie}`),
    Array(8).fill('11 7'),
  )
  const slots = found.maps.get('__bpf_usdt_specs').id
  found.close()

  using next = specOf(2).upgrade()
  assert.ok(next.upgraded)
  assert.is.not(next.maps.get('__bpf_usdt_specs').id, slots)
  // the links of the old programs are gone
  assert.is(await target.fire(), 3)
  const hits = hitsOf(next).slice(8)
  assert.equal(
    hits.map(({ program, cookie }) => `${program} ${cookie}`),
    Array(4).fill('21 7'),
  )
  for (const hit of hits.slice(0, 3)) assert.equal(hit.value.slice(0, 3), counted)
  next.unpin()
  assert.is(await target.fire(), 0)
  assert.equal(readdirSync(root), [])
})

onX86(
  'a process that found an object adds a probe, which disturbs none of those that are pinned',
  async () => {
    using target = new Target()
    const spec = opened()
    spec.programs.get('on_probe').targets = { counted: probe('counted') }
    using object = spec.upgrade()
    const other = opened()
    other.programs.get('on_probe').targets = { counted: probe('counted') }
    using found = other.loadPinned()
    const program = found.programs.get('on_probe')
    program.spec!.targets = { extra: probe('widths') }
    using _ = program.attach({ label: 'extra' })
    await target.fire()
    const hits = hitsOf(object)
    for (const hit of hits.slice(0, 3)) assert.equal(hit.value.slice(0, 3), counted)
    assert.is(hits[3]?.value[0], 0x88n)
    object.unpin()
  },
)

onX86('a link to a process that went is made anew for the next one', async () => {
  const specOf = (pid: number): ObjectSpec => {
    const spec = opened()
    spec.programs.get('on_probe').target = probe('counted', pid)
    return spec
  }
  using first = new Target()
  using object = specOf(first.pid).upgrade()
  await first.end()
  using target = new Target()
  const spec = specOf(target.pid)
  assert.is(spec.plan().kind, 'relink')
  using next = spec.upgrade()
  await target.fire()
  for (const hit of hitsOf(next)) assert.equal(hit.value.slice(0, 3), counted)
  assert.is(hitsOf(next).length, 3)
  object.close()
  next.unpin()
})

test.run()
