// Prefixes as text. What an address is written as is checked by node's BlockList, what is in a prefix by arithmetic.
import { BlockList, isIPv6 } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePrefix, prefixText } from '../../src/map/address-prefix.ts'
import { failure } from '../failure.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const prefixes: readonly (readonly [text: string, address: string, length: number, written?: string])[] = [
  ['10.0.0.0/8', '0a000000', 8],
  ['0.0.0.0/0', '00000000', 0],
  ['192.168.1.128/25', 'c0a80180', 25],
  ['1.2.3.4', '01020304', 32, '1.2.3.4/32'],
  ['255.255.255.255/32', 'ffffffff', 32],
  ['2001:db8::/32', '20010db8000000000000000000000000', 32],
  ['::/0', '00000000000000000000000000000000', 0],
  ['::1', '00000000000000000000000000000001', 128, '::1/128'],
  ['fe80::1:0:0:1/128', 'fe800000000000000001000000000001', 128, 'fe80::1:0:0:1/128'],
  ['2001:DB8:0:0:1:0:0:1', '20010db8000000000001000000000001', 128, '2001:db8::1:0:0:1/128'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008', 128, '1:2:3:4:5:6:7:8/128'],
  ['1:0:3:4:5:6:7:8', '00010000000300040005000600070008', 128, '1:0:3:4:5:6:7:8/128'],
  ['1:2:3:4:5:6::', '00010002000300040005000600000000', 128, '1:2:3:4:5:6::/128'],
  ['10:100::/32', '00100100000000000000000000000000', 32],
  ['::ffff:10.0.0.0/104', '00000000000000000000ffff0a000000', 104, '::ffff:a00:0/104'],
]

test('prefixes are read and written, of IPv6 in the shortest way', () => {
  for (const [text, address, length, written = text] of prefixes) {
    const prefix = parsePrefix(text, address.length / 2)
    assert.equal([hex(prefix.address), prefix.length], [address, length], text)
    assert.is(prefixText(prefix), written)
  }
})

test('what is no prefix is refused, with what would be one', () => {
  const wrong: readonly (readonly [text: string, size: number, why: string])[] = [
    ['10.0.0.1/8', 4, 'is 10.0.0.0/8 meant?'],
    ['2001:db8::1/64', 16, 'is 2001:db8::/64 meant?'],
    ['10.0.0.0/33', 4, '33 bits of 32'],
    ['::/129', 16, '129 bits of 128'],
    ['10.0.0.0/8', 16, 'may be ::ffff:10.0.0.0'],
    ['::1', 4, 'the keys are IPv4'],
    ...[
      '',
      '/8',
      '10.0.0/8',
      '10.0.0.256',
      '010.0.0.1',
      '10.0.0.0/',
      '10.0.0.0/x',
      '10.0.0.0/-1',
      ' 10.0.0.0',
      '1.2.3.4.5',
    ].map(text => [text, 4, "as in '10.0.0.0/8'"] as const),
    ...[
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8',
      '12345::',
      'g::',
      '1.2.3.4::',
      '::1.2.3',
    ].map(text => [text, 16, "as in '2001:db8::/32'"] as const),
  ]
  for (const [text, size, why] of wrong) {
    const error = failure(() => parsePrefix(text, size))
    assert.is(error.code, 'ERR_VALUE', text)
    assert.match(error.message, why, text)
  }
})

test('any address is written as node reads it, and a prefix of it has its first bits', () => {
  const list = new BlockList()
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
  for (let i = 0; i < 500; i++) {
    // many zeros, as there are in addresses
    const bytes = Uint8Array.from({ length: 16 }, () => (random(3) === 0 ? random(256) : 0))
    const text = prefixText({ address: bytes, length: 128 }).replace('/128', '')
    assert.ok(isIPv6(text), text)
    assert.equal(parsePrefix(text, 16).address, bytes)
    // in its longest form it is the same address
    const long = hex(bytes).match(/..../g)!.join(':')
    assert.equal(parsePrefix(long, 16).address, bytes)
    list.addAddress(long, 'ipv6')
    assert.ok(list.check(text, 'ipv6'), text)
    const length = random(129)
    const address = BigInt(`0x${hex(bytes)}`)
    const first = (address >> BigInt(128 - length)) << BigInt(128 - length)
    if (first === address) {
      assert.is(parsePrefix(`${text}/${length}`, 16).length, length)
    } else {
      const { message } = failure(() => parsePrefix(`${text}/${length}`, 16))
      const [, meant = ''] = /is (\S+) meant/.exec(message) ?? []
      assert.is(hex(parsePrefix(meant, 16).address), first.toString(16).padStart(32, '0'))
    }
  }
})

test.run()
