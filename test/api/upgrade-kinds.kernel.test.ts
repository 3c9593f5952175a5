import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type Entry, type ObjectSpec, openObject } from '../../src/index.ts'
import { thisMachine } from '../../src/map/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cpus = thisMachine().possibleCpus
const onKernel = needs(test, 'root')
const entries = 64

/** Version 1 or 2 of the object, whose program is not attached. */
function kinds(version: 1 | 2): ObjectSpec {
  const spec = openObject(fixture(`upgrade-kinds-${version}`), { root, name: 'kinds' })
  for (const program of spec.programs) program.autoload = false
  return spec
}

/** Something of its own for every key. */
const flow = (key: number, cpu = 0) => ({ packets: BigInt(1000 * key + cpu), state: 3 * key + cpu })
const flowOfTwo = (key: number, cpu = 0) => ({ drops: 0n, ...flow(key, cpu) })
const onAll = <T>(value: (cpu: number) => T): T[] => Array.from({ length: cpus }, (_, cpu) => value(cpu))

const network = (key: number) => ({ prefixlen: 32, address: key })

test.after.each(() => {
  using open = Root.find(root)
  if (open) unpinObject(open, 'kinds')
})

function install(version: 1 | 2 = 1): BpfObject {
  return kinds(version).upgrade()
}

/** Everything on bpffs, and what is in one map: what a refused upgrade may not change. */
function seen(object: BpfObject, name: string): unknown {
  return [readdirSync(root, { recursive: true }).sort(), [...object.maps.get(name).entries()].sort()]
}

for (const name of [
  'hash',
  'array',
  'lru_hash',
  'lru_of_cpus',
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'lpm_trie',
]) {
  onKernel(
    `every entry of the map ${name} is carried by key, each field by name, and each CPU its own`,
    () => {
      const isOfCpus = name.includes('percpu')
      const key = (n: number) => (name === 'lpm_trie' ? network(n) : n) as Entry
      using old = install()
      const before = old.maps.get(name)
      for (let n = 0; n < entries; n++) before.set(key(n), isOfCpus ? onAll(cpu => flow(n, cpu)) : flow(n))
      using next = kinds(2).upgrade({ onMismatch: 'convert-lossy' })
      const after = next.maps.get(name)
      assert.is.not(after.id, before.id)
      for (let n = 0; n < entries; n++) {
        const value = after.get(key(n))
        assert.equal(value, isOfCpus ? onAll(cpu => flowOfTwo(n, cpu)) : flowOfTwo(n), `entry ${n}`)
      }
      assert.is([...after.entries()].length, entries)
      const carried = next.upgraded?.carried.find(({ map }) => map === name)
      assert.equal(carried && [carried.entries, carried.failed], [entries, 0])
    },
  )
}

onKernel('a map that grew has every entry, and room for more', () => {
  using old = install()
  for (let n = 0; n < entries; n++) old.maps.get('grown').set(n, BigInt(7 * n))
  using next = kinds(2).upgrade({ onMismatch: 'convert-lossy' })
  const grown = next.maps.get('grown')
  for (let n = 0; n < 256; n++) {
    if (n < entries) assert.is(grown.get(n), BigInt(7 * n))
    else grown.set(n, 1n)
  }
  assert.is(failure(() => grown.set(256, 1n)).code, 'E2BIG')
})

onKernel('a map with fewer entries takes those that are there, where they fit', () => {
  using old = install()
  for (let n = 0; n < entries; n++) old.maps.get('shrunk').set(n, BigInt(7 * n))
  const maps = { '.data': 'convert-lossy' } as const
  using next = kinds(2).upgrade({ onMismatch: 'convert', maps })
  assert.equal(
    [...next.maps.get('shrunk').entries()].sort(([a], [b]) => Number(a) - Number(b)),
    Array.from({ length: entries }, (_, n) => [n, BigInt(7 * n)]),
  )
})

onKernel('where they do not fit, that is refused, or as many as fit are carried', () => {
  using old = install()
  for (let n = 0; n < entries + 1; n++) old.maps.get('shrunk').set(n, BigInt(7 * n))
  const maps = { '.data': 'convert-lossy' } as const
  const before = seen(old, 'shrunk')
  const error = failure(() => kinds(2).upgrade({ onMismatch: 'convert', maps }))
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, 'there are 65 entries')
  assert.equal(seen(old, 'shrunk'), before)
  using next = kinds(2).upgrade({ onMismatch: 'convert', maps: { ...maps, shrunk: 'convert-lossy' } })
  const left = [...next.maps.get('shrunk').entries()]
  assert.is(left.length, entries)
  for (const [key, value] of left) assert.is(value, BigInt(7 * Number(key)))
})

onKernel('a map with other flags has every entry', () => {
  using old = install()
  for (let n = 0; n < entries; n++) old.maps.get('flagged').set(n, BigInt(7 * n))
  using next = kinds(2).upgrade({ onMismatch: 'convert-lossy' })
  assert.is(next.maps.get('flagged').info().flags, 1)
  for (let n = 0; n < entries; n++) assert.is(next.maps.get('flagged').get(n), BigInt(7 * n))
})

onKernel('variables are carried by name: what was set stays, what is new starts as it says', () => {
  using old = install()
  old.variables.get('configured').set(8n)
  old.variables.get('counted').set(1234n)
  old.variables.get('last').set(99n)
  using next = kinds(2).upgrade({ onMismatch: 'convert-lossy' })
  const values = [...next.variables].map(variable => [variable.name, variable.get()])
  assert.equal(Object.fromEntries(values), {
    added: 9n,
    configured: 8n,
    added_zero: 0,
    counted: 1234n,
    last: 99n,
  })
})

test.run()
