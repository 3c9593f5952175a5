import type { UsdtArgument, UsdtPlace } from './arguments.ts'

/** Maps of usdt.bpf.h: what is known of each kind of place, and which place is of which kind, for kernels without cookies. */
export const usdtMaps = { specs: '__bpf_usdt_specs', places: '__bpf_usdt_ip_to_spec_id' } as const

/** As many as `struct __bpf_usdt_spec` has room for. */
export const mostUsdtArguments = 12

/*
 * struct __bpf_usdt_spec, a value of __bpf_usdt_specs, has 12 arguments, then u64 cookie (what bpf_usdt_cookie() returns) and
 * s16 number of arguments. An argument begins with
 *
 *    0  u64  constant, or bytes from where the register points to
 *    8  u8   0 constant, 1 register, 2 memory, 3 indexed memory
 *
 * and goes on as `layouts` says. Headers that know of indexed memory (libbpf 1.7, and 1.5 in Linux 6.12) were meant to keep the
 * places of all that was there, but C puts no bit field across the end of a word of its type, so that all moved. By the size
 * of a value one knows which header the object was compiled with.
 */
interface Layout {
  readonly argumentSize: number
  /** u16: offset of the index register in its lower 12 bits, above them the binary logarithm of the scale. */
  readonly indexAt: number
  /** s16: offset of the register in struct pt_regs. */
  readonly registerAt: number
  /** u8: is it signed? */
  readonly signAt: number
  /** s8: bits of the 64 that are not of the argument. */
  readonly shiftAt: number
}

/**
 * By the size of a value, in bytes. Without room for an index it is put where older headers have the rest of the kind, so that
 * programs read EINVAL instead of another value.
 */
const layouts: ReadonlyMap<number, Layout> = /* @__PURE__ */ new Map([
  [208, { argumentSize: 16, indexAt: 9, registerAt: 12, signAt: 14, shiftAt: 15 }],
  [304, { argumentSize: 24, indexAt: 10, registerAt: 14, signAt: 16, shiftAt: 17 }],
])

/** Sizes that a value can have, in bytes. */
export const usdtSpecSizes: readonly number[] = [...layouts.keys()]

const kinds: readonly UsdtPlace['kind'][] = ['constant', 'register', 'memory', 'indexed']

/**
 * A value of `__bpf_usdt_specs`, of one of {@link usdtSpecSizes}. None is all zero: one that would be has a mark in an argument
 * that is not there, so that a slot of the map that nobody uses can be told.
 */
export function encodeUsdtSpec(places: readonly UsdtArgument[], cookie: bigint, size: number): Uint8Array {
  const layout = layouts.get(size)
  if (!layout) throw new Error(`a USDT spec of ${size} bytes`)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  const { argumentSize } = layout
  for (const [i, argument] of places.entries()) putArgument(view, i * argumentSize, argument, layout)
  const end = mostUsdtArguments * argumentSize
  view.setBigUint64(end, cookie, true)
  view.setInt16(end + 8, places.length, true)
  if (places.length === 0 && cookie === 0n) view.setUint8(end - argumentSize, 1)
  return bytes
}

function putArgument(view: DataView, at: number, argument: UsdtArgument, layout: Layout): void {
  const { kind, size, isSigned } = argument
  const value = kind === 'constant' ? argument.value : kind === 'register' ? 0n : argument.offset
  view.setBigUint64(at, value, true)
  view.setUint8(at + 8, kinds.indexOf(kind))
  if (kind === 'indexed') {
    view.setUint16(at + layout.indexAt, argument.index | (argument.shift << 12), true)
  }
  if (kind !== 'constant') view.setInt16(at + layout.registerAt, argument.register, true)
  view.setUint8(at + layout.signAt, isSigned ? 1 : 0)
  view.setInt8(at + layout.shiftAt, 64 - size * 8)
}
