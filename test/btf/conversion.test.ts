import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CopyOperation, compileCopy } from '../../src/btf/index.ts'

/** Runs the operations on a value that starts at byte 3, into bytes that are all 0xee, from byte 2 on. */
function convert(from: readonly number[], size: number, operations: readonly CopyOperation[], little = true) {
  const to = new Uint8Array(size + 2).fill(0xee)
  compileCopy(operations, little)(Uint8Array.of(0, 0, 0, ...from), 3, to, 2)
  assert.equal([...to.subarray(0, 2)], [0xee, 0xee])
  return [...to.subarray(2)]
}

const integer = (fromBit: number, fromBits: number, toBit: number, toBits: number, signed = false) =>
  ({
    op: 'integer',
    from: { bitOffset: fromBit, bitSize: fromBits, signed },
    to: { bitOffset: toBit, bitSize: toBits, signed },
  }) as const

test('bytes are copied to their place, and no others are written', () => {
  const from = [1, 2, 3, 4, 5]
  assert.equal(convert(from, 4, [{ op: 'bytes', from: 1, to: 2, size: 2 }]), [0xee, 0xee, 2, 3])
})

test('a long run of bytes is copied as a short one is', () => {
  const from = Array.from({ length: 300 }, (_, i) => i % 251)
  const to = convert(from, 300, [{ op: 'bytes', from: 10, to: 0, size: 290 }])
  assert.equal(to, [...from.slice(10), ...new Array(10).fill(0xee)])
})

const integers: readonly (readonly [string, number[], number, CopyOperation, boolean, number[]])[] = [
  ['u16 to u32', [0x34, 0x82], 4, integer(0, 16, 0, 32), true, [0x34, 0x82, 0, 0]],
  ['u16 to u32, big-endian', [0x82, 0x34], 4, integer(0, 16, 0, 32), false, [0, 0, 0x82, 0x34]],
  ['s16 to s32', [0x34, 0x82], 4, integer(0, 16, 0, 32, true), true, [0x34, 0x82, 0xff, 0xff]],
  ['s16 to s32, big-endian', [0x82, 0x34], 4, integer(0, 16, 0, 32, true), false, [0xff, 0xff, 0x82, 0x34]],
  ['u32 to u8', [0x78, 0x56, 0x34, 0x12], 2, integer(0, 32, 0, 8), true, [0x78, 0xee]],
  ['u32 to u8, big-endian', [0x12, 0x34, 0x56, 0x78], 2, integer(0, 32, 8, 8), false, [0xee, 0x78]],
  // 0b101 at bit 2 of 0b10110111
  ['a bitfield to a byte', [0b1011_0111], 2, integer(2, 3, 8, 8), true, [0xee, 0b101]],
  ['a negative bitfield to a byte', [0b1011_0111], 2, integer(2, 3, 8, 8, true), true, [0xee, 0b1111_1101]],
  ['a byte to a narrower bitfield', [0xff], 1, integer(0, 8, 1, 3), true, [0b1110_1110]],
  [
    'a 40-bit field that moves',
    [0xf0, 1, 2, 3, 4, 5],
    5,
    integer(4, 40, 0, 40),
    true,
    [0x1f, 32, 48, 64, 80],
  ],
]
for (const [name, from, size, operation, little, expected] of integers) {
  test(`an integer changes its place and width: ${name}`, () => {
    assert.equal(convert(from, size, [operation], little), expected)
  })
}

test('the elements of an array are copied one by one, each to its new stride', () => {
  const each: CopyOperation = {
    ...{ op: 'each', count: 2, from: 1, fromStride: 2, to: 0, toStride: 4 },
    operations: [integer(0, 8, 0, 16), { op: 'bytes', from: 1, to: 3, size: 1 }],
  }
  assert.equal(convert([9, 1, 2, 3, 4], 8, [each]), [1, 0, 0xee, 2, 3, 0, 0xee, 4])
})

test.run()
