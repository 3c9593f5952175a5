import type { RawInt } from './scalar.ts'

/** The widest bitfield that fits a number together with the bits in front of it in its first byte. */
const numberBits = 32

/** Where a bitfield lies in memory: whole bytes, and how far to shift what they hold. */
interface Span {
  readonly first: number
  readonly bytes: number
  readonly shift: number
}

/**
 * Bits count from the least significant bit of the first byte on little-endian machines, from the most significant one
 * on big-endian machines, as compilers lay bitfields out there.
 */
function spanOf(bitOffset: number, bits: number, little: boolean): Span {
  const first = Math.floor(bitOffset / 8)
  const inFirst = bitOffset % 8
  const bytes = Math.ceil((inFirst + bits) / 8)
  return { first, bytes, shift: little ? inFirst : 8 * bytes - inFirst - bits }
}

/** A bitfield of up to 32 bits that starts so many bits into what holds it. */
export function narrowBits(
  bitOffset: number,
  bits: number,
  signed: boolean,
  little: boolean,
): RawInt<number> {
  const { first, bytes, shift } = spanOf(bitOffset, bits, little)
  // 5 bytes at most: arithmetic on numbers is exact where shifts, which have 32 bits, are not
  const low = 2 ** shift
  const limit = 2 ** bits
  const sign = signed ? limit / 2 : limit
  const load = (view: DataView, at: number): number => {
    let all = 0
    for (let i = 0; i < bytes; i++) all = all * 256 + view.getUint8(at + first + (little ? bytes - 1 - i : i))
    return all
  }
  return {
    read(view, at) {
      const value = Math.floor(load(view, at) / low) % limit
      return value >= sign ? value - limit : value
    },
    write(view, at, value) {
      const all = load(view, at)
      const old = Math.floor(all / low) % limit
      let rest = all + ((value < 0 ? value + limit : value) - old) * low
      for (let i = 0; i < bytes; i++) {
        view.setUint8(at + first + (little ? i : bytes - 1 - i), rest % 256)
        rest = Math.floor(rest / 256)
      }
    },
  }
}

/** A bitfield of any width up to 64 bits. */
export function wideBits(bitOffset: number, bits: number, signed: boolean, little: boolean): RawInt<bigint> {
  const { first, bytes, shift } = spanOf(bitOffset, bits, little)
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift)
  const load = (view: DataView, at: number): bigint => {
    // in two halves, as numbers: every step on bigints makes a new one
    let high = 0
    let low = 0
    for (let i = bytes - 1; i >= 0; i--) {
      const byte = view.getUint8(at + first + (little ? i : bytes - 1 - i))
      if (i >= 4) high = high * 256 + byte
      else low = low * 256 + byte
    }
    return (BigInt(high) << 32n) | BigInt(low)
  }
  return {
    read(view, at) {
      const value = (load(view, at) & mask) >> BigInt(shift)
      return signed ? BigInt.asIntN(bits, value) : value
    },
    write(view, at, value) {
      let rest = (load(view, at) & ~mask) | ((value << BigInt(shift)) & mask)
      for (let i = 0; i < bytes; i++) {
        view.setUint8(at + first + (little ? i : bytes - 1 - i), Number(rest & 0xffn))
        rest >>= 8n
      }
    },
  }
}

/** Whether {@link narrowBits} can hold it. */
export function isNarrow(bits: number): boolean {
  return bits <= numberBits
}
