import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type BtfMember,
  BtfWriter,
  createCodec,
  parseBtf,
  type TypeId,
  type Value,
} from '../../src/btf/index.ts'
import { openFixture } from './objects.ts'
import { member, plainInt } from './types.ts'

// The types of the errors below: u8 count; s16 rate; u64 total; enum color; char[4]; u8[2]; s16[2]; bool; u32:3; bits
const { codec, bytes } = refusing()

const refusals: readonly (readonly [
  why: string,
  change: { readonly [name: string]: Value },
  message: string,
])[] = [
  ['an integer that is too large', { count: 300 }, 'value.count: 300 does not fit u8 (0..255)'],
  ['a negative one', { count: -1 }, 'value.count: -1 does not fit u8 (0..255)'],
  ['a fraction', { rate: 0.5 }, 'value.rate: 0.5 does not fit s16 (-32768..32767)'],
  ['NaN', { rate: Number.NaN }, 'value.rate: NaN does not fit s16 (-32768..32767)'],
  ['a string for an integer', { count: '1' }, "value.count: '1' does not fit u8 (0..255)"],
  [
    'a bigint that is too large',
    { total: 2n ** 64n },
    'value.total: 18446744073709551616n does not fit u64 (0..18446744073709551615)',
  ],
  [
    'an inexact number',
    { total: 2 ** 60 },
    'value.total: 1152921504606847000 is not exact as a number; give a bigint',
  ],
  ['a bitfield that is too large', { three: 8 }, 'value.three: 8 does not fit u3 (0..7)'],
  ['a signed bitfield that is too small', { five: -17 }, 'value.five: -17 does not fit s5 (-16..15)'],
  [
    'a wide bitfield that is too large',
    { forty: 2n ** 40n },
    'value.forty: 1099511627776n does not fit u40 (0..1099511627775)',
  ],
  ['a number for a bool', { flag: 2 }, 'value.flag: 2 is not a bool (true or false)'],
  ['text that is too long', { text: 'five!' }, "value.text: 'five!' is 5 bytes long; there is room for 4"],
  [
    'text that is too long in UTF-8',
    { text: 'äää' },
    "value.text: 'äää' is 6 bytes long; there is room for 4",
  ],
  [
    'text with a NUL',
    { text: 'a\0b' },
    "value.text: 'a\0b' holds a NUL, which would end it; give bytes instead",
  ],
  ['too few bytes for text', { text: Uint8Array.of(1) }, 'value.text: has 1 bytes; the array has 4'],
  ['a number for text', { text: 5 }, 'value.text: 5 is not a string of up to 4 bytes'],
  ['too many bytes', { raw: Uint8Array.of(1, 2, 3) }, 'value.raw: has 3 bytes; the array has 2'],
  ['a byte that is none', { raw: [1, 256] }, 'value.raw[1]: 256 does not fit u8 (0..255)'],
  ['text for bytes', { raw: 'ab' }, "value.raw: 'ab' is not a Uint8Array of 2"],
  ['too few elements', { pair: [1] }, 'value.pair: has 1 elements; the array has 2'],
  ['an object for an array', { pair: {} }, 'value.pair: an object is not an array of 2'],
  [
    'an element that does not fit',
    { pair: [1, 70000] },
    'value.pair[1]: 70000 does not fit s16 (-32768..32767)',
  ],
  [
    'an unknown enumerator',
    { color: 'GREY' },
    "value.color: enum color has no 'GREY'; known are RED, GREEN, BLUE",
  ],
  [
    'a misspelt enumerator',
    { color: 'GREN' },
    "value.color: enum color has no 'GREN'; did you mean 'GREEN'?",
  ],
  [
    'a number beyond an enum',
    { color: 2 ** 32 },
    'value.color: 4294967296 does not fit s32 (-2147483648..2147483647)',
  ],
  ['an array for a struct', { inner: [] }, 'value.inner: an array of 0 is not an object'],
  ['a field that is missing', { inner: { x: 1 } }, 'value.inner.y: is missing'],
  ['a field that does not exist', { inner: { x: 1, y: 2, z: 3 } }, "value.inner: there is no field 'z'"],
  ['a misspelt field', { cuont: 1 }, "value: there is no field 'cuont'; did you mean 'count'?"],
  [
    'a union without a member',
    { either: {} },
    'value.either: no member of the union is given, which has small, large',
  ],
  [
    'union members that disagree',
    { either: { small: 1, large: 2 } },
    'value.either: the members small, large of a union say different things; give one of them',
  ],
]

for (const [why, change, message] of refusals) {
  test(`encoding refuses ${why}, names the field and writes nothing`, () => {
    const before = [...bytes]
    try {
      codec.encode({ ...fitting(), ...change }, bytes)
      assert.unreachable('it was encoded')
    } catch (error) {
      assert.is((error as Error).name, 'BpfError', String(error))
      assert.is((error as Error).message, message)
      const isName = message.includes('there is no') || message.includes('has no')
      assert.is((error as { code?: string }).code, isName ? 'ERR_UNKNOWN_NAME' : 'ERR_VALUE')
    }
    assert.equal([...bytes], before)
  })
}

test('encoding takes what fits in more than one way', () => {
  for (const change of [
    { count: 255n },
    { total: 5 },
    { color: 5 },
    { color: 77 },
    { flag: 1 },
    { raw: [1, 2] },
    { text: Uint8Array.of(1, 2, 3, 4) },
    { text: 'four' },
  ]) {
    codec.encode({ ...fitting(), ...change }, bytes)
  }
})

test('errors name the value as the caller does', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const key = createCodec(btf, btf.find('point', 'struct')!.id, 'key')
  assert.throws(() => key.encode({ x: 1, y: 1e9 }, new Uint8Array(4)), /^key\.y: 1000000000 does not fit s16/)
  assert.throws(
    () => key.decode(new Uint8Array(3)),
    /^key: needs 4 bytes at offset 0, but there are 3 in all$/,
  )
})

test('too few bytes are refused before anything is read or written', () => {
  assert.throws(() => codec.decode(bytes, 1), /value: needs \d+ bytes at offset 1, but there are \d+ in all/)
  assert.throws(
    () => codec.encode(fitting(), new Uint8Array(3)),
    /value: needs \d+ bytes at offset 0, but there are 3 in all/,
  )
  assert.throws(() => codec.decode(bytes, -1), /at offset -1/)
})

/** A struct with a field for every way to be wrong. */
function refusing() {
  const writer = new BtfWriter()
  const u8 = writer.add(plainInt('unsigned char', 1, false))
  const s16 = writer.add(plainInt('short', 2, true))
  const u32 = writer.add(plainInt('unsigned int', 4, false))
  const s32 = writer.add(plainInt('int', 4, true))
  const u64 = writer.add(plainInt('unsigned long', 8, false))
  const bool = writer.add({ ...plainInt('_Bool', 1, false), bool: true })
  const char = writer.add(plainInt('char', 1, true))
  const colors = ['RED', 'GREEN', 'BLUE'].map((name, i) => ({ name, value: [0, 5, -3][i]! }))
  const color = writer.add({ kind: 'enum', name: 'color', size: 4, signed: true, values: colors })
  const arrayOf = (elementType: TypeId, length: number): TypeId =>
    writer.add({ kind: 'array', name: '', elementType, indexType: u32, length })
  const inner = writer.add({
    kind: 'struct',
    name: 'inner',
    size: 4,
    members: [member('x', s16, 0), member('y', s16, 16)],
  })
  const either = writer.add({
    kind: 'union',
    name: 'either',
    size: 4,
    members: [member('small', u8, 0), member('large', u32, 0)],
  })
  const members: BtfMember[] = [
    member('count', u8, 0),
    member('flag', bool, 8),
    member('rate', s16, 16),
    member('color', color, 32),
    member('total', u64, 64),
    member('text', arrayOf(char, 4), 128),
    member('raw', arrayOf(u8, 2), 160),
    member('pair', arrayOf(s16, 2), 176),
    { ...member('three', u32, 224), bitSize: 3 },
    { ...member('five', s32, 227), bitSize: 5 },
    { ...member('forty', u64, 256), bitSize: 40 },
    member('inner', inner, 320),
    member('either', either, 352),
  ]
  const id = writer.add({ kind: 'struct', name: 'all', size: 48, members })
  const codec = createCodec(parseBtf(writer.finish()), id)
  return { codec, bytes: new Uint8Array(codec.size).fill(0x55) }
}

function fitting(): { [name: string]: Value } {
  return {
    count: 1,
    flag: true,
    rate: -1,
    color: 'RED',
    total: 1n,
    text: 'abc',
    raw: Uint8Array.of(1, 2),
    pair: [1, 2],
    three: 7,
    five: -16,
    forty: 1n,
    inner: { x: 1, y: 2 },
    either: { small: 1 },
  }
}

test.run()
