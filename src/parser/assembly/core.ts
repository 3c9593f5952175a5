// The O(file) scans, compiled to WebAssembly by scripts/build-core.ts. The document lies at address 0, so that an
// address is an offset in the document; results go to `out`, which the caller placed behind it, 8-byte aligned, with
// room for the worst case. Ranges were checked against the document by the caller, and string sections to end with a
// NUL: no load below leaves the document by more than 7 bytes, which are the caller's gap in front of `out`.
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

const hashedBytes: u32 = 256
const ones: u64 = ~(<u64>0) / 255 // 0x0101010101010101
const tops: u64 = ones << 7 // 0x8080808080808080

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

/** Fills offsets[0..count] at `out`. */
export function walkTypes(types: u32, end: u32, nameLimit: u32, big: bool, out: u32): i32 {
  let id: u32 = 0
  let at = types
  store<u32>(out, 0)
  while (at < end) {
    id++
    store<u32>(out + 4 * id, at)
    if (end - at < headSize) return fail(truncated, id, out)
    const info = read32(at + 4, big)
    const kind = (info >>> 24) & 0x1f
    if (kind === 0 || kind > 19) return fail(badKind, id, out)
    if (read32(at, big) >= nameLimit) return fail(badName, id, out)
    const fixed = <u32>(fixedWords >>> (2 * kind)) & 3
    const entry = <u32>(entryWords >>> (2 * kind)) & 3
    const size = headSize + 4 * (fixed + entry * (info & 0xffff))
    if (end - at < size) return fail(truncated, id, out)
    at += size
  }
  return id
}

/**
 * Chains the types `last` down to `first` by the hash of their names: pushing at the front from the last to the first
 * leaves every chain in rising order. `heads` has 2^bits words, cleared before the first call; `next` has one a type.
 */
export function chainNames(
  offsets: u32,
  first: u32,
  last: u32,
  strings: u32,
  big: bool,
  heads: u32,
  bits: u32,
  next: u32,
): void {
  const shift = 32 - bits
  for (let id = last; id >= first; id--) {
    const name = strings + read32(load<u32>(offsets + 4 * id), big)
    let after: u32 = 0
    if (load<u8>(name) !== 0) {
      const head = heads + 4 * (hashAt(name) >>> shift)
      after = load<u32>(head)
      store<u32>(head, id)
    }
    store<u32>(next + 4 * id, after)
  }
}

function mix(hash: u32, word: u32): u32 {
  return (rotl<u32>(hash, 5) ^ word) * 0x9e3779b1
}

/** The hash of the name that ends with the next NUL: ../name-index.ts, eight bytes a step. */
function hashAt(name: u32): u32 {
  const end = name + hashedBytes
  let hash: u32 = 0
  for (let at = name; at < end; at += 8) {
    const word = load<u64>(at)
    const nuls = (word - ones) & ~word & tops
    if (nuls !== 0) {
      // the lowest bit marks the first NUL: keep the bytes below
      const mark = nuls & (0 - nuls)
      const rest = word & ((mark >>> 7) - 1)
      hash = mix(hash, <u32>rest)
      // no branch: whether a name ends in an odd or an even word cannot be predicted
      return select<u32>(mix(hash, <u32>(rest >>> 32)), hash, mark >>> 32 !== 0)
    }
    hash = mix(mix(hash, <u32>word), <u32>(word >>> 32))
  }
  return hash
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
