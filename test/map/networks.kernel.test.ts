// Prefixes of addresses as text, held against the bytes that bpftool finds, and against what a program finds by an address.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, type BpfObject, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'

const onKernel = needs(test, 'root', 'bpftool', 'linux 5.14')
const load = (): BpfObject => openObject(fixture('networks')).load()

function keysOf(map: BpfMap): string[] {
  const entries = bpftool<{ key: string[] }[]>('map', 'dump', 'id', String(map.id))
  return entries.map(({ key }) => Buffer.from(Uint8Array.from(key, Number)).toString('hex')).sort()
}

onKernel('what is written as text is in the kernel as C has it, and found by programs', () => {
  using object = load()
  const map = object.maps.get('v4')
  map.set('10.0.0.0/8', 1)
  map.setAll([
    ['10.1.0.0/16', 2],
    ['0.0.0.0/0', 3],
  ])
  assert.equal(keysOf(map), ['0000000000000000', '080000000a000000', '100000000a010000'])
  const look = (...address: number[]): number => {
    const [number = 0] = new Uint32Array(Uint8Array.from(address).buffer)
    return object.programs.get('look').run({ context: [number] }).returnValue
  }
  const found = [look(10, 9, 9, 9), look(10, 1, 2, 3), look(11, 0, 0, 0)]
  assert.equal(found, [1, 2, 3])
  assert.equal(
    ['10.9.9.9', '10.1.2.3', '11.0.0.0'].map(address => map.get(address)),
    found,
  )
  assert.ok(map.has('10.1.0.0/16'))
  assert.ok(map.delete('0.0.0.0/0'))
  assert.is(map.deleteAll(['10.0.0.0/8', '10.2.0.0/16']), 1)
  assert.equal(keysOf(map), ['100000000a010000'])
  // the other way round
  const key = '10 00 00 00 c0 a8 00 00'.split(' ')
  bpftool('map', 'update', 'id', String(map.id), 'key', 'hex', ...key, 'value', '9', '0', '0', '0')
  assert.equal(Array.from(map, ([key, value]) => [map.keyText(key), value]).sort(), [
    ['10.1.0.0/16', 2],
    ['192.168.0.0/16', 9],
  ])
})

onKernel('keys of IPv6 are read as people write them', () => {
  using object = load()
  const map = object.maps.get('v6')
  map.set('2001:db8::/32', 1)
  map.set('2001:db8:0:1::/64', 2)
  assert.equal(keysOf(map), [
    '2000000020010db8000000000000000000000000',
    '4000000020010db8000000010000000000000000',
  ])
  assert.equal(Array.from(map.keys(), key => map.keyText(key)).sort(), ['2001:db8:0:1::/64', '2001:db8::/32'])
  assert.is(map.get('2001:db8:0:1::5'), 2)
  assert.is(map.get('2001:db8:0:2::5'), 1)
  assert.match(failure(() => map.set('10.0.0.0/8', 1)).message, 'may be ::ffff:10.0.0.0')
  assert.match(failure(() => map.set('2001:db8::1/32', 1)).message, 'is 2001:db8::/32 meant?')
})

onKernel('keys of other things than addresses are no text', () => {
  using object = load()
  for (const name of ['parts', 'zoned']) {
    const map = object.maps.get(name)
    assert.is(failure(() => map.set('10.0.0.0/8', 1)).code, 'ERR_VALUE')
    assert.is(map.keyText(new Uint8Array(map.keySize)), undefined)
  }
  assert.is(object.maps.get('v4').keyText(Uint8Array.of(8, 0, 0, 0, 10, 0, 0, 0)), '10.0.0.0/8')
})

test.run()
