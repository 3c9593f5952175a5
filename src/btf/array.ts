import { Misfit, rethrowWithin, shown } from './misfit.ts'
import type { Part, Value } from './value.ts'

/** Up to here, going byte by byte is faster than making a view of them. */
const fewBytes = 64

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
    decode(view, at) {
      if (count > fewBytes) return bytesAt(view, at, count).slice()
      const bytes = new Uint8Array(count)
      for (let i = 0; i < count; i++) bytes[i] = view.getUint8(at + i)
      return bytes
    },
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
    decode: (view, at) => readText(view, at, count),
    encode(value, view, at) {
      if (typeof value === 'string') {
        writeText(value, view, at, count)
        return
      }
      if (!(value instanceof Uint8Array)) {
        throw new Misfit(`${shown(value)} is not a string of up to ${count} bytes`)
      }
      checkLength(value.length, count, 'bytes')
      bytesAt(view, at, count).set(value)
    },
    isScalar: false,
    weight: 1,
  }
}

let decoder: InstanceType<typeof TextDecoder> | undefined
let encoder: InstanceType<typeof TextEncoder> | undefined

/** Short ASCII, which most texts are, is read and written faster without the machinery for the rest. */
function readText(view: DataView, at: number, count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) {
    const byte = view.getUint8(at + i)
    if (byte === 0) return text
    if (byte > 0x7f || i > fewBytes) return readLongText(bytesAt(view, at, count))
    text += String.fromCharCode(byte)
  }
  return text
}

function readLongText(bytes: Uint8Array): string {
  decoder ??= new TextDecoder('utf-8', { ignoreBOM: true })
  const end = bytes.indexOf(0)
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function writeText(text: string, view: DataView, at: number, count: number): void {
  let i = 0
  for (; i < text.length && i < count; i++) {
    const code = text.charCodeAt(i)
    if (code === 0 || code > 0x7f) break
    view.setUint8(at + i, code)
  }
  if (i === text.length) for (; i < count; i++) view.setUint8(at + i, 0)
  else writeLongText(text, bytesAt(view, at, count))
}

function writeLongText(text: string, target: Uint8Array): void {
  encoder ??= new TextEncoder()
  const bytes = encoder.encode(text)
  const room = target.length
  if (bytes.length > room) {
    throw new Misfit(`${shown(text)} is ${bytes.length} bytes long; there is room for ${room}`)
  }
  if (text.includes('\0')) {
    throw new Misfit(`${shown(text)} holds a NUL, which would end it; give bytes instead`)
  }
  target.set(bytes)
  target.fill(0, bytes.length)
}

function bytesAt(view: DataView, at: number, count: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, count)
}

function checkLength(length: number, count: number, what: string): void {
  if (length !== count) throw new Misfit(`has ${length} ${what}; the array has ${count}`)
}
