import { mostUsdtArguments, type UsdtArgument, type UsdtPlace } from './usdt-arguments.ts'

/** Maps of usdt.bpf.h: what is known of each kind of place, and which place is of which kind, for kernels without cookies. */
export const usdtMaps = { specs: '__bpf_usdt_specs', places: '__bpf_usdt_ip_to_spec_id' } as const

/*
 * struct __bpf_usdt_spec, a value of __bpf_usdt_specs (usdt.bpf.h of libbpf):
 *
 *    0  12 arguments of 16 bytes
 *         0  u64  constant, or bytes from where the register points to
 *         8  u8   0 constant, 1 register, 2 memory, 3 indexed memory (since libbpf 1.7; with an older header the program
 *                 reads EINVAL)
 *         9  12 bits offset of the index register, 4 bits binary logarithm of the scale
 *        12  s16  offset of the register in struct pt_regs
 *        14  u8   is it signed?
 *        15  s8   bits of the 64 that are not of the argument
 *  192  u64  what bpf_usdt_cookie() returns
 *  200  s16  number of arguments
 */
export const usdtSpecSize = 208
const argumentSize = 16
const cookieAt = 192
const countAt = 200
const kinds: readonly UsdtPlace['kind'][] = ['constant', 'register', 'memory', 'indexed']

/**
 * A value of `__bpf_usdt_specs`. None is all zero: one that would be has a mark in an argument that is not there, so that a
 * slot of the map that nobody uses can be told.
 */
export function encodeUsdtSpec(places: readonly UsdtArgument[], cookie: bigint): Uint8Array {
  const bytes = new Uint8Array(usdtSpecSize)
  const view = new DataView(bytes.buffer)
  for (const [i, argument] of places.entries()) putArgument(view, i * argumentSize, argument)
  view.setBigUint64(cookieAt, cookie, true)
  view.setInt16(countAt, places.length, true)
  if (places.length === 0 && cookie === 0n) view.setUint8((mostUsdtArguments - 1) * argumentSize, 1)
  return bytes
}

function putArgument(view: DataView, at: number, argument: UsdtArgument): void {
  const isIndexed = argument.kind === 'indexed'
  const value = argument.kind === 'constant' ? argument.value : 'offset' in argument ? argument.offset : 0n
  view.setBigUint64(at, value, true)
  const index = isIndexed ? argument.index | (argument.shift << 12) : 0
  view.setUint32(at + 8, kinds.indexOf(argument.kind) | (index << 8), true)
  if (argument.kind !== 'constant') view.setInt16(at + 12, argument.register, true)
  view.setUint8(at + 14, argument.isSigned ? 1 : 0)
  view.setInt8(at + 15, 64 - argument.size * 8)
}
