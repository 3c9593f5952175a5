import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'

// kinds by number (include/uapi/linux/btf.h)
export const INT = 1
export const PTR = 2
export const ARRAY = 3
export const STRUCT = 4
export const UNION = 5
export const ENUM = 6
export const FWD = 7
export const TYPEDEF = 8
export const VOLATILE = 9
export const CONST = 10
export const FUNC = 12
export const FUNC_PROTO = 13
export const VAR = 14
export const DATASEC = 15
export const FLOAT = 16
export const DECL_TAG = 17
export const TYPE_TAG = 18
export const ENUM64 = 19

/** Offset of the name 'x'. */
export const NAME = 1

type Words = readonly number[]

/** struct btf_type's info word. */
export function info(kind: number, vlen = 0, flag = 0): number {
  return ((flag << 31) | (kind << 24) | vlen) >>> 0
}

/** A blob of these types, with the strings '' and 'x'. */
export function blobOf(...types: readonly Words[]): Uint8Array {
  const words = types.flat()
  const length = 4 * words.length
  const bytes = new Uint8Array(24 + length + 3)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of [0x0001eb9f, 24, 0, length, length, 3, ...words].entries()) {
    view.setUint32(4 * i, word, true)
  }
  bytes[24 + length + 1] = 0x78
  return bytes
}

export const int: Words = [NAME, info(INT), 4, 0x01000020]
export const proto: Words = [0, info(FUNC_PROTO), 0]

/** A struct of members given as [name, type, bit offset]. */
export function struct(size: number, ...members: readonly Words[]): Words {
  return [NAME, info(STRUCT, members.length), size, ...members.flat()]
}

/** A struct with the kind flag: members have a width in the upper 8 bits of the last word. */
export function bits(size: number, ...members: readonly Words[]): Words {
  return [NAME, info(STRUCT, members.length, 1), size, ...members.flat()]
}

/** Expects that the blob, or one of its types, is refused with exactly this message. */
export function refuses(bytes: Uint8Array, message: string): void {
  try {
    parseBtf(bytes).check()
    assert.unreachable('it was accepted')
  } catch (error) {
    assert.is((error as Error).message, message)
    assert.is((error as Error).name, 'BtfError')
    assert.is((error as { code?: string }).code, 'ERR_BTF')
  }
}
