import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, type BpfObject, type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

const spec = (version: 1 | 2): ObjectSpec =>
  openObject(fixture(`upgrade-references-${version}`), { root, name: 'references' })

/** What slots lead to is written as a descriptor and read as an id. */
const put = (map: BpfMap, key: number, fd: number): void =>
  map.set(key, new Uint8Array(new Uint32Array([fd]).buffer))
const number = (value: unknown): number =>
  value instanceof Uint8Array
    ? new DataView(value.buffer, value.byteOffset).getUint32(0, true)
    : Number(value)
const idIn = (object: BpfObject, map: string, key: number): number | undefined => {
  const value = object.maps.get(map).get(key)
  return value === undefined ? undefined : number(value)
}
const idOf = (object: BpfObject, map: string): number => object.maps.get(map).id

needs(test, 'root')(
  'slots filled by hand lead to the same maps, and to the new programs, after an upgrade',
  () => {
    using object = spec(1).upgrade()
    const innerB = object.maps.get('inner_b')
    innerB.set(0, 42n)
    put(object.maps.get('slots'), 3, innerB.fd)
    put(object.maps.get('by_number'), 77, innerB.fd)
    put(object.maps.get('jumps'), 2, object.programs.get('other').fd)
    object.maps.get('ports').set(5, { ifindex: 1, bpf_prog: { fd: 0 } })
    const plan = spec(2).plan({ onMismatch: 'convert' })
    const actions = new Map(plan.maps.map(({ name, action }) => [name, action]))
    assert.equal(
      ['slots', 'by_number', 'ports', 'jumps', 'inner_a', 'inner_b'].map(name => actions.get(name)),
      ['convert', 'convert', 'convert', 'create', 'reuse', 'reuse'],
    )
    using next = spec(2).upgrade({ onMismatch: 'convert' })
    for (const map of ['slots', 'by_number', 'ports']) assert.is(next.maps.get(map).maxEntries, 8, map)
    assert.is(idOf(next, 'inner_b'), innerB.id)
    assert.is(next.maps.get('inner_b').get(0), 42n)
    assert.is(idIn(next, 'slots', 0), idOf(object, 'inner_a'))
    assert.is(idIn(next, 'slots', 3), innerB.id)
    assert.is(idIn(next, 'by_number', 77), innerB.id)
    assert.is(idIn(next, 'jumps', 0), next.programs.get('worker').id)
    assert.is(idIn(next, 'jumps', 2), next.programs.get('other').id)
    const port = next.maps.get('ports').get(5) as { ifindex: number } // struct bpf_devmap_val
    assert.is(port.ifindex, 1)
    next.unpin()
  },
)

test.run()
