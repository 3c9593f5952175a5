import { Misfit, shown } from './misfit.ts'
import { didYouMean } from './near.ts'
import type { BtfEnum } from './types.ts'
import type { Part, Value } from './value.ts'

/** Raw integers of one width, signedness and byte order. */
export interface RawInt<T extends number | bigint> {
  read(view: DataView, at: number): T
  write(view: DataView, at: number, value: T): void
  /** Where every exact number that has the sign fits: no bigint is made of it. */
  writeExact?(view: DataView, at: number, value: number): void
}

/** The integers of 1, 2 and 4 bytes. */
export function narrowInt(size: 1 | 2 | 4, signed: boolean, little: boolean): RawInt<number> {
  if (size === 1) {
    return signed
      ? { read: (v, at) => v.getInt8(at), write: (v, at, n) => v.setInt8(at, n) }
      : { read: (v, at) => v.getUint8(at), write: (v, at, n) => v.setUint8(at, n) }
  }
  if (size === 2) {
    return signed
      ? { read: (v, at) => v.getInt16(at, little), write: (v, at, n) => v.setInt16(at, n, little) }
      : { read: (v, at) => v.getUint16(at, little), write: (v, at, n) => v.setUint16(at, n, little) }
  }
  return signed
    ? { read: (v, at) => v.getInt32(at, little), write: (v, at, n) => v.setInt32(at, n, little) }
    : { read: (v, at) => v.getUint32(at, little), write: (v, at, n) => v.setUint32(at, n, little) }
}

/** The integers of 8 and 16 bytes. */
export function wideInt(size: 8 | 16, signed: boolean, little: boolean): RawInt<bigint> {
  if (size === 8) {
    const [lower, upper] = little ? [0, 4] : [4, 0]
    return {
      read: signed ? (v, at) => v.getBigInt64(at, little) : (v, at) => v.getBigUint64(at, little),
      write: (v, at, n) => v.setBigUint64(at, n, little),
      writeExact(v, at, n) {
        // both take what is over modulo 2^32
        v.setUint32(at + lower, n, little)
        v.setUint32(at + upper, Math.floor(n / 2 ** 32), little)
      },
    }
  }
  const [lowAt, highAt] = little ? [0, 8] : [8, 0]
  return {
    read(view, at) {
      const high = signed ? view.getBigInt64(at + highAt, little) : view.getBigUint64(at + highAt, little)
      return (high << 64n) | view.getBigUint64(at + lowAt, little)
    },
    write(view, at, value) {
      view.setBigUint64(at + lowAt, BigInt.asUintN(64, value), little)
      view.setBigUint64(at + highAt, BigInt.asUintN(64, value >> 64n), little)
    },
  }
}

/** An integer of up to 32 bits. */
export function numberPart(bits: number, signed: boolean, raw: RawInt<number>): Part {
  const min = signed ? -(2 ** (bits - 1)) : 0
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
  return {
    decode: raw.read,
    encode(value, view, at) {
      const number = typeof value === 'bigint' ? Number(value) : value
      // false for NaN too
      if (typeof number !== 'number' || !(number >= min && number <= max) || !Number.isInteger(number)) {
        throw outOfRange(value, bits, signed, min, max)
      }
      raw.write(view, at, number)
    },
    isScalar: true,
    weight: 1,
  }
}

/** An integer of more than 32 bits. Exact numbers are taken as well as bigints. */
export function bigintPart(bits: number, signed: boolean, raw: RawInt<bigint>): Part {
  const max = (1n << BigInt(signed ? bits - 1 : bits)) - 1n
  const min = signed ? -max - 1n : 0n
  return {
    decode: raw.read,
    encode(value, view, at) {
      if (
        raw.writeExact &&
        typeof value === 'number' &&
        Number.isSafeInteger(value) &&
        (signed || value >= 0)
      ) {
        raw.writeExact(view, at, value)
        return
      }
      const wide = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
      if (typeof wide !== 'bigint' || wide < min || wide > max) {
        throw outOfRange(value, bits, signed, min, max)
      }
      raw.write(view, at, wide)
    },
    isScalar: true,
    weight: 1,
  }
}

function outOfRange(
  value: Value,
  bits: number,
  signed: boolean,
  min: number | bigint,
  max: number | bigint,
): Misfit {
  if (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    Math.abs(value) > Number.MAX_SAFE_INTEGER &&
    bits > 53
  ) {
    return new Misfit(`${value} is not exact as a number; give a bigint`)
  }
  return new Misfit(`${shown(value)} does not fit ${signed ? 's' : 'u'}${bits} (${min}..${max})`)
}

export function boolPart(raw: RawInt<number>): Part {
  return {
    decode: (view, at) => raw.read(view, at) !== 0,
    encode(value, view, at) {
      if (value !== true && value !== false && value !== 0 && value !== 1) {
        throw new Misfit(`${shown(value)} is not a bool (true or false)`)
      }
      raw.write(view, at, Number(value))
    },
    isScalar: true,
    weight: 1,
  }
}

export function floatPart(size: 4 | 8, little: boolean): Part {
  const write = (view: DataView, at: number, value: number): void =>
    size === 4 ? view.setFloat32(at, value, little) : view.setFloat64(at, value, little)
  return {
    decode:
      size === 4 ? (view, at) => view.getFloat32(at, little) : (view, at) => view.getFloat64(at, little),
    encode(value, view, at) {
      if (typeof value !== 'number') throw new Misfit(`${shown(value)} is not a number`)
      write(view, at, value)
    },
    isScalar: true,
    weight: 1,
  }
}

/** An enumeration over the integer that holds it, which is read as a number or (`wide`) as a bigint. */
export function enumPart(type: BtfEnum, integer: Part, wide: boolean): Part {
  const names = new Map<Value, string>()
  const numbers = new Map<string, number | bigint>()
  for (const { name, value } of type.values) {
    const number = wide ? BigInt(value) : Number(value)
    if (!names.has(number)) names.set(number, name)
    numbers.set(name, number)
  }
  return {
    decode(view, at) {
      const number = integer.decode(view, at)
      return names.get(number) ?? number
    },
    encode(value, view, at) {
      const number = typeof value === 'string' ? numbers.get(value) : value
      if (number === undefined) throw unknownEnumerator(type, value)
      integer.encode(number, view, at)
    },
    isScalar: true,
    weight: 1,
  }
}

function unknownEnumerator(type: BtfEnum, value: Value): Misfit {
  const names = type.values.map(({ name }) => name)
  const near = didYouMean(String(value), names)
  const known = names.length <= 8 ? `; known are ${names.join(', ')}` : ''
  const what = type.name === '' ? 'this enum' : `enum ${type.name}`
  return new Misfit(`${what} has no ${shown(value)}${near || known}`, 'ERR_UNKNOWN_NAME')
}
