import { decodeFileName, encodeFileName } from './file-name.ts'
import { native } from './native.ts'

// One piece of memory whose address is taken once and which is never freed: everything a system call reads or writes,
// other than what callers bring themselves, is put together here. Nothing in it outlives the next call.
const size = 0x1_4000
const memory = new ArrayBuffer(size)

/** Offsets in bytes of the parts. */
export const at = {
  /** union bpf_attr; 168 bytes of it in Linux 6.18. */
  attr: 0,
  /** What the kernel writes: bpf_map_info, statx, statfs, a sigset, a cookie, ... */
  result: 0x200,
  /** Names and small inputs: a licence, the name of a tracepoint, a CPU mask. */
  name: 0x1000,
  path: 0x2000,
  /** The other path of a rename. */
  path2: 0x4000,
  /** Directory entries, ids of a program's maps, link targets. */
  list: 0x8000,
} as const

/** Bytes of `at.list` and of `at.name`. */
export const listLength: number = size - at.list
export const nameLength: number = at.path - at.name

export const u8: Uint8Array<ArrayBuffer> = new Uint8Array(memory)
export const u16: Uint16Array<ArrayBuffer> = new Uint16Array(memory)
export const u32: Uint32Array<ArrayBuffer> = new Uint32Array(memory)
export const i32: Int32Array<ArrayBuffer> = new Int32Array(memory)
const u64 = new BigUint64Array(memory)

let base = 0

/** The address of an offset in the arena. */
export function address(offset: number): number {
  if (base === 0) base = native().address(memory)
  return base + offset
}

/** The offset in the arena of an address; undefined for other memory. */
export function offsetOf(pointer: number): number | undefined {
  const offset = pointer - base
  return base !== 0 && offset >= 0 && offset < size ? offset : undefined
}

/** Zeroes the first bytes of the attribute union; a multiple of 4. */
export function clearAttr(bytes: number): void {
  for (let i = 0; i < bytes >> 2; i++) u32[i] = 0
}

/** Zeroes the result area; the kernel refuses an info buffer whose unknown tail is not zero. */
export function clearResult(bytes: number): void {
  // a loop: filling so little is over before fill() has begun
  const end = (at.result + bytes + 3) >> 2
  for (let i = at.result >> 2; i < end; i++) u32[i] = 0
}

/** Writes a u64; numbers are exact below 2^53, which every address and size is. */
export function put64(offset: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    u64[offset >> 3] = value
  } else {
    u32[offset >> 2] = value
    u32[(offset >> 2) + 1] = value / 0x1_0000_0000
  }
}

/** Reads a u64: a number where that is exact, else a bigint. */
export function get64(offset: number): number | bigint {
  const high = u32[(offset >> 2) + 1]!
  return high < 0x20_0000 ? high * 0x1_0000_0000 + u32[offset >> 2]! : u64[offset >> 3]!
}

/** Reads a u64 that is a time, a count or an inode number: beyond 2^53 the nearest number. */
export function get53(offset: number): number {
  return u32[(offset >> 2) + 1]! * 0x1_0000_0000 + u32[offset >> 2]!
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Writes text and its NUL, and returns the number of bytes before the NUL; -1 if `limit` (NUL included) is too short or
 * the text has a NUL in it. Nearly all names are ASCII and short, where a loop beats the encoder.
 */
export function putText(offset: number, text: string, limit: number): number {
  const length = text.length
  if (length >= limit) return -1
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0) return -1
    if (code > 0x7f) return putEncoded(offset, text, limit)
    u8[offset + i] = code
  }
  u8[offset + length] = 0
  return length
}

function putEncoded(offset: number, text: string, limit: number): number {
  if (text.includes('\0')) return -1
  const room = u8.subarray(offset, offset + limit - 1)
  const bytes = encodeFileName(text)
  if (bytes) return putBytes(bytes, room)
  const { read, written } = encoder.encodeInto(text, room)
  if (read < text.length) return -1
  u8[offset + written] = 0
  return written
}

/** The NUL goes behind the room that there is for the bytes. */
function putBytes(bytes: Uint8Array, room: Uint8Array): number {
  if (bytes.length > room.length || bytes.includes(0)) return -1
  room.set(bytes)
  u8[room.byteOffset + bytes.length] = 0
  return bytes.length
}

/** The name of a file, up to a NUL or to `limit` bytes; of any bytes. */
export function getFileName(offset: number, limit: number): string {
  let end = offset
  let ascii = true
  while (end < offset + limit && u8[end] !== 0) if (u8[end++]! > 0x7f) ascii = false
  return ascii ? getText(offset, end - offset) : decodeFileName(u8.subarray(offset, end))
}

/** Text up to a NUL or to `limit` bytes. */
export function getText(offset: number, limit: number): string {
  let end = offset
  let ascii = true
  while (end < offset + limit && u8[end] !== 0) if (u8[end++]! > 0x7f) ascii = false
  if (!ascii || end - offset > 24) return decoder.decode(u8.subarray(offset, end))
  let text = ''
  for (let i = offset; i < end; i++) text += String.fromCharCode(u8[i]!)
  return text
}

/** Bytes as lower-case hexadecimal digits. */
export function getHex(offset: number, length: number): string {
  let text = ''
  for (let i = offset; i < offset + length; i++) text += u8[i]!.toString(16).padStart(2, '0')
  return text
}
