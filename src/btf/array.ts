import { Misfit, rethrowWithin, shown } from './misfit.ts'
import type { Part, Value } from './value.ts'

/** An array of whatever `element` is. */
export function arrayPart(element: Part, count: number, stride: number): Part {
  return {
    decode(view, at) {
      const values = new Array<Value>(count)
      for (let i = 0; i < count; i++) values[i] = element.decode(view, at + i * stride)
      return values
    },
    encode(value, view, at) {
      if (!Array.isArray(value)) throw new Misfit(`${shown(value)} is not an array of ${count}`)
      checkLength(value.length, count, 'elements')
      for (let i = 0; i < count; i++) {
        try {
          element.encode(value[i], view, at + i * stride)
        } catch (error) {
          rethrowWithin(error, `[${i}]`)
        }
      }
    },
    isScalar: false,
    // an array without elements is still a value
    weight: count === 0 ? 1 : 1 + count * element.weight,
  }
}

/** `__u8[N]`: bytes. */
export function bytesPart(count: number): Part {
  return {
    decode: (view, at) => bytesAt(view, at, count).slice(),
    encode(value, view, at) {
      if (value instanceof Uint8Array) {
        checkLength(value.length, count, 'bytes')
        bytesAt(view, at, count).set(value)
        return
      }
      if (!Array.isArray(value)) throw new Misfit(`${shown(value)} is not a Uint8Array of ${count}`)
      checkLength(value.length, count, 'bytes')
      value.forEach((byte, i) => {
        if (!Number.isInteger(byte) || byte < 0 || byte > 255) {
          throw new Misfit(`${shown(byte)} does not fit u8 (0..255)`).within(`[${i}]`)
        }
        view.setUint8(at + i, byte)
      })
    },
    isScalar: false,
    weight: 1,
  }
}

/** `char[N]`: text. Behind its end come NULs; a text that fills the array has none. */
export function textPart(count: number): Part {
  return {
    decode: (view, at) => readText(bytesAt(view, at, count)),
    encode(value, view, at) {
      const bytes = typeof value === 'string' ? textBytes(value, count) : value
      if (!(bytes instanceof Uint8Array))
        throw new Misfit(`${shown(value)} is not a string of up to ${count} bytes`)
      if (typeof value !== 'string') checkLength(bytes.length, count, 'bytes')
      const target = bytesAt(view, at, count)
      target.set(bytes)
      target.fill(0, bytes.length)
    },
    isScalar: false,
    weight: 1,
  }
}

let decoder: InstanceType<typeof TextDecoder> | undefined
let encoder: InstanceType<typeof TextEncoder> | undefined

function readText(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte === 0) return text
    if (byte > 0x7f || i > 255) {
      decoder ??= new TextDecoder()
      const end = bytes.indexOf(0, i)
      return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
    }
    text += String.fromCharCode(byte)
  }
  return text
}

function textBytes(text: string, count: number): Uint8Array {
  encoder ??= new TextEncoder()
  const bytes = encoder.encode(text)
  if (bytes.length > count)
    throw new Misfit(`${shown(text)} is ${bytes.length} bytes long; there is room for ${count}`)
  if (text.includes('\0'))
    throw new Misfit(`${shown(text)} holds a NUL, which would end it; give bytes instead`)
  return bytes
}

function bytesAt(view: DataView, at: number, count: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, count)
}

function checkLength(length: number, count: number, what: string): void {
  if (length !== count) throw new Misfit(`has ${length} ${what}; the array has ${count}`)
}
