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
  // the names of programs and interfaces come again and again
  let known: string[] | undefined
  return {
    decode: (view, at) => readText(view, at, count, (known ??= new Array<string>(knownTexts).fill(''))),
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

/** How many texts are remembered, 2 to the power of 6. */
const knownTexts = 64

/** Short ASCII, which most texts are, is read and written faster without the machinery for the rest. */
function readText(view: DataView, at: number, count: number, known: string[]): string {
  let length = 0
  let hash = 0
  for (; length < count; length++) {
    const byte = view.getUint8(at + length)
    if (byte === 0) break
    if (byte > 0x7f || length > fewBytes) return readLongText(bytesAt(view, at, count))
    hash = Math.imul(hash ^ byte, 0x9e3779b1)
  }
  const place = hash >>> 26
  const text = known[place]!
  if (isText(text, view, at, length)) return text
  let made = ''
  for (let i = 0; i < length; i++) made += String.fromCharCode(view.getUint8(at + i))
  known[place] = made
  return made
}

function isText(text: string, view: DataView, at: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== view.getUint8(at + i)) return false
  return true
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
