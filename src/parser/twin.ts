import { boundsFault } from './bounds.ts'
import { NameIndex, type Prints, printAt, printsIn } from './name-index.ts'
import type {
  ByteRange,
  FaultName,
  RelocationTable,
  ScanFault,
  Scanner,
  SymbolTable,
  TypeTable,
} from './scanner.ts'
import { viewOf } from './view.ts'

/** Numbers of 4 bytes behind the 12-byte head, by BTF kind: always, and for each of the head's `vlen` entries. */
//                               -  int ptr arr str uni enu fwd typ vol con res fun pro var sec flo tag ttg e64
const fixedWords = Uint8Array.of(0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0)
const entryWords = Uint8Array.of(0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3)

const headSize = 12
const symbolSize = 24
const relocationSize = 16

// reserved section indexes that a relocatable file may use (ELF gABI, "Special Section Indexes")
const firstReserved = 0xff00
const absolute = 0xfff1
const common = 0xfff2

/** High half of a 64-bit value that is still exact as a number: below 2^53. */
const exactHigh = 0x1fffff

/** The scans in plain TypeScript: oracle of the WebAssembly core and its stand-in. */
export class TwinScanner implements Scanner {
  readonly bytes: Uint8Array
  readonly view: DataView
  littleEndian = true

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  scanTypes(types: ByteRange, strings: ByteRange): TypeTable | ScanFault {
    const misplaced = boundsFault(this.bytes, types, strings)
    if (misplaced !== undefined) return misplaced
    const offsets = this.#walkTypes(types, strings.length)
    if (!(offsets instanceof Uint32Array)) return offsets
    const { littleEndian } = this
    return new NameIndex(this, strings, offsets, () => this.#print(offsets, strings.offset, littleEndian))
  }

  #walkTypes(types: ByteRange, nameLimit: number): Uint32Array | ScanFault {
    const { view, littleEndian } = this
    const offsets = new Uint32Array(1 + Math.floor(types.length / headSize))
    const end = types.offset + types.length
    let id = 0
    for (let at = types.offset; at < end; ) {
      offsets[++id] = at
      if (end - at < headSize) return faultAt('truncated', at, id)
      const info = view.getUint32(at + 4, littleEndian)
      const kind = (info >>> 24) & 0x1f
      if (kind === 0 || kind > 19) return faultAt('bad-kind', at, id)
      if (view.getUint32(at, littleEndian) >= nameLimit) return faultAt('bad-name', at, id)
      const size = headSize + 4 * (fixedWords[kind]! + entryWords[kind]! * (info & 0xffff))
      if (end - at < size) return faultAt('truncated', at, id)
      at += size
    }
    return offsets.subarray(0, id + 1)
  }

  #print(offsets: Uint32Array, strings: number, littleEndian: boolean): Prints {
    const { view } = this
    const all = new Uint16Array(offsets.length)
    for (let id = 1; id < all.length; id++) {
      all[id] = printAt(view, strings + view.getUint32(offsets[id]!, littleEndian))
    }
    return printsIn(all)
  }

  scanSymbols(table: ByteRange, strings: ByteRange, sectionCount: number): SymbolTable | ScanFault {
    const misplaced = boundsFault(this.bytes, table, strings)
    if (misplaced !== undefined) return misplaced
    const count = Math.floor(table.length / symbolSize)
    const starts = new Uint32Array(sectionCount + 1)
    /** By section, the value of the last symbol. */
    const last = new Array<number>(sectionCount).fill(0)
    let isSorted = true
    for (let i = 0; i < count; i++) {
      const at = table.offset + i * symbolSize
      const fault = this.#symbolFault(at, strings.length, sectionCount)
      if (fault !== undefined) return faultAt(fault, at, i)
      const section = this.#sectionOf(at)
      if (section === 0) continue
      starts[section + 1]!++
      const value = this.#exact(at + 8)
      isSorted &&= value >= last[section]!
      last[section] = value
    }
    if (count * symbolSize !== table.length) {
      return faultAt('truncated', table.offset + count * symbolSize, count)
    }
    for (let s = 0; s < sectionCount; s++) starts[s + 1]! += starts[s]!
    return { count, starts, order: this.#orderSymbols(table.offset, count, starts, isSorted) }
  }

  #symbolFault(at: number, nameLimit: number, sectionCount: number): FaultName | undefined {
    const { view, littleEndian } = this
    if (view.getUint32(at, littleEndian) >= nameLimit) return 'bad-name'
    const section = view.getUint16(at + 6, littleEndian)
    if (section >= sectionCount && section !== absolute && section !== common) return 'bad-section'
    const high = littleEndian ? 4 : 0
    if (view.getUint32(at + 8 + high, littleEndian) > exactHigh) return 'too-large'
    if (view.getUint32(at + 16 + high, littleEndian) > exactHigh) return 'too-large'
    return undefined
  }

  /** The section that the symbol is defined in; 0 for an undefined, absolute or common one. */
  #sectionOf(at: number): number {
    const section = this.view.getUint16(at + 6, this.littleEndian)
    return section < firstReserved ? section : 0
  }

  /** @param isSorted they are by rising value already, as compilers write them */
  #orderSymbols(table: number, count: number, starts: Uint32Array, isSorted: boolean): Uint32Array {
    const order = new Uint32Array(starts.at(-1)!)
    for (let i = 0; i < count; i++) {
      const section = this.#sectionOf(table + i * symbolSize)
      if (section !== 0) order[starts[section]!++] = i
    }
    // each is now where the next one was
    starts.copyWithin(1, 0)
    starts[0] = 0
    if (isSorted) return order
    const value = (i: number): number => this.#exact(table + i * symbolSize + 8)
    for (let s = 1; s + 1 < starts.length; s++) {
      order.subarray(starts[s], starts[s + 1]).sort((a, b) => value(a) - value(b) || a - b)
    }
    return order
  }

  scanRelocations(table: ByteRange, symbolCount: number, size: number): RelocationTable | ScanFault {
    const misplaced = boundsFault(this.bytes, table)
    if (misplaced !== undefined) return misplaced
    const { view, littleEndian } = this
    const count = Math.floor(table.length / relocationSize)
    const [typeAt, symbolAt] = littleEndian ? [8, 12] : [12, 8]
    const records = new Uint32Array(3 * count)
    let isSorted = true
    for (let i = 0; i < count; i++) {
      const at = table.offset + i * relocationSize
      const offset = this.#exact(at)
      if (offset >= size) return faultAt('bad-offset', at, i)
      const symbol = view.getUint32(at + symbolAt, littleEndian)
      if (symbol >= symbolCount) return faultAt('bad-symbol', at, i)
      records[3 * i] = offset
      records[3 * i + 1] = view.getUint32(at + typeAt, littleEndian)
      records[3 * i + 2] = symbol
      isSorted &&= i === 0 || records[3 * i - 3]! <= offset
    }
    if (count * relocationSize !== table.length) {
      return faultAt('truncated', table.offset + count * relocationSize, count)
    }
    return { count, records: isSorted ? records : byOffset(records) }
  }

  /** A 64-bit number; above 2^53 only near the truth, which is enough to refuse it. */
  #exact(at: number): number {
    const { view, littleEndian } = this
    const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian)
    const low = view.getUint32(littleEndian ? at : at + 4, littleEndian)
    // small numbers stay small integers, which is faster until V8 has compiled it
    return high === 0 ? low : high * 2 ** 32 + low
  }
}

/** Relocations of three words each, in the order of their offsets; those of one offset stay in the order of the file. */
function byOffset(records: Uint32Array): Uint32Array {
  const order = Array.from({ length: records.length / 3 }, (_, i) => i)
  order.sort((a, b) => records[3 * a]! - records[3 * b]!)
  return Uint32Array.from(order.flatMap(i => [...records.subarray(3 * i, 3 * i + 3)]))
}

function faultAt(fault: FaultName, offset: number, index: number): ScanFault {
  return { fault, offset, index }
}
