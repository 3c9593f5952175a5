import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { narrowBits, wideBits } from '../../src/btf/bits.ts'

/** The bits of a bitfield picked one by one, most significant first: slow and plain. */
function pickBits(bytes: Uint8Array, bitOffset: number, bits: number, little: boolean): string {
  const picked = Array.from({ length: bits }, (_, i) => {
    const bit = bitOffset + i
    const byte = bytes[Math.floor(bit / 8)]!
    // little-endian bits count from the least significant bit of a byte, big-endian ones from the most significant
    return (byte >> (little ? bit % 8 : 7 - (bit % 8))) & 1
  })
  return (little ? picked.reverse() : picked).join('')
}

const patterns = [
  Uint8Array.of(0xa5, 0x3c, 0x0f, 0x81, 0x7e, 0xf0, 0x12, 0xed, 0x99, 0x66, 0x42),
  new Uint8Array(11).fill(0xff),
  new Uint8Array(11),
]

for (const [bitOffset, order] of [0, 1, 5, 7, 8, 13].flatMap(
  at =>
    [
      [at, 'little'],
      [at, 'big'],
    ] as const,
)) {
  test(`bitfields of every width at bit ${bitOffset} are read, and written between their neighbours, ${order}-endian`, () => {
    const little = order === 'little'
    for (let bits = 1; bits <= 64; bits++) {
      for (const signed of [false, true]) {
        const narrow = bits <= 32 ? narrowBits(bitOffset, bits, signed, little) : undefined
        const wide = wideBits(bitOffset, bits, signed, little)
        for (const pattern of patterns) {
          const view = new DataView(pattern.buffer)
          const unsigned = BigInt(`0b${pickBits(pattern, bitOffset, bits, little)}`)
          const value = signed ? BigInt.asIntN(bits, unsigned) : unsigned
          assert.is(wide.read(view, 0), value)
          if (narrow) assert.is(narrow.read(view, 0), Number(value))
          for (const background of patterns) {
            const target = background.slice()
            wide.write(new DataView(target.buffer), 0, value)
            assert.is(pickBits(target, bitOffset, bits, little), pickBits(pattern, bitOffset, bits, little))
            assert.is(
              withoutBits(target, bitOffset, bits, little),
              withoutBits(background, bitOffset, bits, little),
            )
            const other = background.slice()
            narrow?.write(new DataView(other.buffer), 0, Number(value))
            if (narrow) assert.equal(other, target)
          }
        }
      }
    }
  })
}

/** All bits around a bitfield. */
function withoutBits(bytes: Uint8Array, bitOffset: number, bits: number, little: boolean): string {
  const end = bitOffset + bits
  return pickBits(bytes, 0, bitOffset, little) + pickBits(bytes, end, 8 * bytes.length - end, little)
}

test.run()
