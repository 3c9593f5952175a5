// The O(file) scans, compiled to WebAssembly by scripts/build-core.ts. The document lies at address 0, so that an
// address is an offset in the document; results go to `out`, which the caller placed behind it, 8-byte aligned, with
// room for the worst case. Ranges were checked against the document by the caller, and string sections to end with a
// NUL: no load below leaves the document by more than 31 bytes, which are the caller's gap in front of `out`.
//
// A scan returns the number of records, or minus a fault's number with the index of the record at fault in `out`'s
// first word. ../twin.ts is the same in TypeScript, and says where the format's rules come from.

const truncated: i32 = -1
const badKind: i32 = -2
const badName: i32 = -3
const badSection: i32 = -4
const badSymbol: i32 = -5
const badOffset: i32 = -6
const tooLarge: i32 = -7

// two bits a BTF kind: numbers of 4 bytes behind the 12-byte head, always and for each of the `vlen` entries
const fixedWords: u64 = (1 << 2) | (3 << 6) | (1 << 28) | (1 << 34)
const entryWords: u64 = (3 << 8) | (3 << 10) | (2 << 12) | (2 << 26) | (3 << 30) | ((<u64>3) << 38)

const headSize: u32 = 12
const symbolSize: u32 = 24
const relocationSize: u32 = 16

const firstReserved: u32 = 0xff00
const absolute: u32 = 0xfff1
const common: u32 = 0xfff2
const exactLimit: u64 = 1 << 53

function read32(at: u32, big: bool): u32 {
  const value = load<u32>(at)
  return big ? bswap<u32>(value) : value
}

function read64(at: u32, big: bool): u64 {
  const value = load<u64>(at)
  return big ? bswap<u64>(value) : value
}

function fail(fault: i32, index: u32, out: u32): i32 {
  store<u32>(out, index)
  return fault
}

/**
 * Goes on behind type `id`, of which offsets[id + 1] has the end, as far as type `last`: the number of the last type that
 * there was. Fills offsets[id + 1 ..= last + 1] and prints[id + 1 ..= last].
 */
export function walkTypes(
  id: u32,
  last: u32,
  end: u32,
  strings: u32,
  nameLimit: u32,
  big: bool,
  offsets: u32,
  prints: u32,
): i32 {
  let at = load<u32>(offsets + 4 * id, 4)
  while (at < end && id < last) {
    id++
    if (end - at < headSize) return fail(truncated, id, offsets)
    let name = load<u32>(at)
    let info = load<u32>(at, 4)
    if (big) {
      name = bswap<u32>(name)
      info = bswap<u32>(info)
    }
    const kind = (info >>> 24) & 0x1f
    if (kind === 0 || kind > 19) return fail(badKind, id, offsets)
    if (name >= nameLimit) return fail(badName, id, offsets)
    const fixed = <u32>(fixedWords >>> (2 * kind)) & 3
    const entry = <u32>(entryWords >>> (2 * kind)) & 3
    const size = headSize + 4 * (fixed + entry * (info & 0xffff))
    if (end - at < size) return fail(truncated, id, offsets)
    store<u16>(prints + 2 * id, printAt(strings + name))
    at += size
    store<u32>(offsets + 4 * id, at, 4)
  }
  return id
}

/** The print of the name that ends with the next NUL: ../name-index.ts, 32 bytes at once and without a branch. */
function printAt(name: u32): u32 {
  const first = v128.load(name)
  const second = v128.load(name, 16)
  const none = i8x16.splat(0)
  const nuls = i8x16.bitmask(i8x16.eq(first, none)) | (i8x16.bitmask(i8x16.eq(second, none)) << 16)
  const length = i8x16.splat(<i8>ctz(nuls))
  const ofFirst = i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), length)
  const ofSecond = i8x16.lt_u(i8x16(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31), length)
  const products = i32x4.add(
    i32x4.mul(v128.and(first, ofFirst), i32x4(0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f)),
    i32x4.mul(v128.and(second, ofSecond), i32x4(0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09)),
  )
  const high = i32x4.add(products, i32x4.shuffle(products, products, 2, 3, 0, 1))
  const sum = i32x4.extract_lane(high, 0) + i32x4.extract_lane(high, 1)
  return (<u32>sum >>> 16) | <u32>((nuls & 1) === 0)
}

/** The lowest id above `after` with this print, or 0. Up to 31 prints behind the last are looked at. */
export function findPrint(prints: u32, after: u32, count: u32, print: u32): u32 {
  const wanted = i16x8.splat(<i16>print)
  const end = prints + 2 * count + 2
  for (let at = prints + 2 * after + 2; at < end; at += 64) {
    const first = i16x8.eq(v128.load(at), wanted)
    const second = i16x8.eq(v128.load(at, 16), wanted)
    const third = i16x8.eq(v128.load(at, 32), wanted)
    const fourth = i16x8.eq(v128.load(at, 48), wanted)
    if (!v128.any_true(v128.or(v128.or(first, second), v128.or(third, fourth)))) continue
    // a bit for each of the 32
    const low = i8x16.bitmask(i8x16.narrow_i16x8_s(first, second))
    const high = i8x16.bitmask(i8x16.narrow_i16x8_s(third, fourth))
    const found = at + 2 * ctz(low | (high << 16))
    return found < end ? (found - prints) >>> 1 : 0
  }
  return 0
}

/**
 * Fills `out` with starts[0..sections] and, behind it, the order; behind that lies scratch for as many words again as
 * the table has symbols.
 */
export function scanSymbols(table: u32, end: u32, nameLimit: u32, sections: u32, big: bool, out: u32): i32 {
  const starts = out
  memory.fill(starts, 0, 4 * (sections + 1))
  let count: u32 = 0
  for (let at = table; end - at >= symbolSize; at += symbolSize, count++) {
    if (read32(at, big) >= nameLimit) return fail(badName, count, out)
    const section = rawSection(at, big)
    if (section >= sections && section !== absolute && section !== common) return fail(badSection, count, out)
    if (read64(at + 8, big) >= exactLimit || read64(at + 16, big) >= exactLimit)
      return fail(tooLarge, count, out)
    if (section !== 0 && section < firstReserved) {
      const slot = starts + 4 * section + 4
      store<u32>(slot, load<u32>(slot) + 1)
    }
  }
  if (table + count * symbolSize !== end) return fail(truncated, count, out)
  for (let s: u32 = 0; s < sections; s++) {
    store<u32>(starts + 4 * s + 4, load<u32>(starts + 4 * s + 4) + load<u32>(starts + 4 * s))
  }
  orderSymbols(table, count, sections, big, starts)
  return count
}

function rawSection(at: u32, big: bool): u32 {
  const value = load<u16>(at, 6)
  return big ? bswap<u16>(value) : value
}

function orderSymbols(table: u32, count: u32, sections: u32, big: bool, starts: u32): void {
  const order = starts + 4 * (sections + 1)
  const scratch = order + 4 * load<u32>(starts + 4 * sections)
  // starts[s] serves as the next free place of section s and so becomes the start of s + 1: moved back at the end
  for (let i: u32 = 0; i < count; i++) {
    const section = rawSection(table + i * symbolSize, big)
    if (section === 0 || section >= firstReserved) continue
    const free = starts + 4 * section
    store<u32>(order + 4 * load<u32>(free), i)
    store<u32>(free, load<u32>(free) + 1)
  }
  for (let s = sections; s > 0; s--) store<u32>(starts + 4 * s, load<u32>(starts + 4 * s - 4))
  store<u32>(starts, 0)
  for (let s: u32 = 1; s < sections; s++) {
    const first = load<u32>(starts + 4 * s)
    const length = load<u32>(starts + 4 * s + 4) - first
    sortBy(table + 8, symbolSize, big, order + 4 * first, length, scratch)
  }
}

/** Fills `out` with three words a record; behind them lies scratch for two words a record. */
export function scanRelocations(table: u32, end: u32, symbols: u32, size: u32, big: bool, out: u32): i32 {
  let count: u32 = 0
  for (let at = table; end - at >= relocationSize; at += relocationSize, count++) {
    if (read64(at, big) >= <u64>size) return fail(badOffset, count, out)
    if (<u32>(read64(at + 8, big) >>> 32) >= symbols) return fail(badSymbol, count, out)
  }
  if (table + count * relocationSize !== end) return fail(truncated, count, out)
  const order = out + 12 * count
  for (let i: u32 = 0; i < count; i++) store<u32>(order + 4 * i, i)
  sortBy(table, relocationSize, big, order, count, order + 4 * count)
  for (let i: u32 = 0; i < count; i++) {
    const at = table + relocationSize * load<u32>(order + 4 * i)
    const info = read64(at + 8, big)
    store<u32>(out, <u32>read64(at, big))
    store<u32>(out, <u32>info, 4)
    store<u32>(out, <u32>(info >>> 32), 8)
    out += 12
  }
  return count
}

/** Stable: orders the indexes in `list` by the 64-bit value at `key + index * step`. Bottom-up merge sort. */
function sortBy(key: u32, step: u32, big: bool, list: u32, length: u32, scratch: u32): void {
  if (isSorted(key, step, big, list, length)) return
  let from = list
  let to = scratch
  for (let width: u32 = 1; width < length; width *= 2) {
    for (let low: u32 = 0; low < length; low += 2 * width) {
      merge(key, step, big, from, low, min(low + width, length), min(low + 2 * width, length), to)
    }
    const swapped = from
    from = to
    to = swapped
  }
  if (from !== list) memory.copy(list, from, 4 * length)
}

/** The usual case: compilers write tables in order. */
function isSorted(key: u32, step: u32, big: bool, list: u32, length: u32): bool {
  for (let i: u32 = 1; i < length; i++) {
    const before = read64(key + step * load<u32>(list + 4 * i - 4), big)
    if (before > read64(key + step * load<u32>(list + 4 * i), big)) return false
  }
  return true
}

function merge(key: u32, step: u32, big: bool, from: u32, low: u32, middle: u32, high: u32, to: u32): void {
  let left = low
  let right = middle
  for (let i = low; i < high; i++) {
    let takeLeft = left < middle
    if (takeLeft && right < high) {
      const a = read64(key + step * load<u32>(from + 4 * left), big)
      takeLeft = a <= read64(key + step * load<u32>(from + 4 * right), big)
    }
    store<u32>(to + 4 * i, load<u32>(from + 4 * (takeLeft ? left++ : right++)))
  }
}
