import { segments } from './segments.ts'
import type { Part } from './words.ts'

const PT_LOAD = 1
const PT_DYNAMIC = 2
const DT_STRTAB = 5
const DT_SYMTAB = 6
const DT_GNU_HASH = 0x6fff_fef5
const DT_VERSYM = 0x6fff_fff0
const DT_VERNEED = 0x6fff_fffe
const symbolSize = 24
const headerSize = 16

/** The parts of `.gnu.hash`, by offsets in the file, and what it is made of. */
interface HashTable {
  readonly bloom: number
  readonly bloomLength: number
  readonly shift: number
  readonly buckets: number
  readonly bucketCount: number
  readonly chains: number
  readonly end: number
  /** The first symbol that is in it, and how many symbols there are. */
  readonly first: number
  readonly count: number
  readonly symbols: number
  readonly strings: number
}

/** Zeroes the hash table of a library's symbols, which follows from their names, where it is as it would be written again. */
export function dropSymbolHash(file: Uint8Array, view: DataView): void {
  const table = findTable(view)
  if (!table) return
  const original = new Uint8Array(file.subarray(table.bloom, table.end)) // a Buffer is sliced without a copy
  file.fill(0, table.bloom, table.end)
  writeTable(file, view, table)
  const isSame = original.every((byte, i) => byte === file[table.bloom + i])
  if (isSame) file.fill(0, table.bloom, table.end)
  else file.set(original, table.bloom)
}

/** Writes the table again, where it was zeroed. */
export function restoreSymbolHash(file: Uint8Array, view: DataView): void {
  const table = findTable(view)
  if (table && file.subarray(table.bloom, table.end).every(byte => byte === 0)) writeTable(file, view, table)
}

function writeTable(file: Uint8Array, view: DataView, table: HashTable): void {
  const { bloom, bloomLength, shift, buckets, bucketCount, chains, first, count, symbols, strings } = table
  let last = -1
  for (let i = first; i < count; i++) {
    const hash = hashOf(file, strings + view.getUint32(symbols + i * symbolSize, true))
    const word = bloom + (Math.floor(hash / 64) % bloomLength) * 8
    for (const bit of [hash % 64, (hash >>> shift) % 64]) file[word + (bit >> 3)]! |= 1 << (bit & 7)
    const bucket = hash % bucketCount
    const chain = chains + (i - first) * 4
    view.setUint32(chain, hash & ~1, true)
    if (bucket === last) continue
    // the lowest bit says that a chain ends
    if (i > first) view.setUint32(chain - 4, view.getUint32(chain - 4, true) | 1, true)
    view.setUint32(buckets + bucket * 4, i, true)
    last = bucket
  }
  if (count > first) view.setUint32(table.end - 4, view.getUint32(table.end - 4, true) | 1, true)
}

/** Where the symbols are, if their hash table says how many there are. */
export function symbolsOf(view: DataView): Part | undefined {
  const table = findTable(view)
  return table && [table.symbols, table.symbols + table.count * symbolSize]
}

/** The hash of a name that a zero ends. */
function hashOf(file: Uint8Array, at: number): number {
  let hash = 5381
  for (let byte = file[at]; byte; byte = file[++at]) hash = (Math.imul(hash, 33) + byte) | 0
  return hash >>> 0
}

/** Where it is; undefined where there is none, or not where linkers put it: where symbols end another such table begins. */
function findTable(view: DataView): HashTable | undefined {
  const entries = new Map<number, number>()
  for (const [from, to] of segments(view, type => type === PT_DYNAMIC)) {
    for (let at = from; at + 16 <= to; at += 16) {
      entries.set(Number(view.getBigUint64(at, true)), Number(view.getBigUint64(at + 8, true)))
    }
  }
  const [hash, symbols, strings] = [DT_GNU_HASH, DT_SYMTAB, DT_STRTAB].map(tag => entries.get(tag))
  // addresses are offsets in the first segment
  const [start] = segments(view, type => type === PT_LOAD)
  if (hash === undefined || symbols === undefined || strings === undefined || !start) return undefined
  if (start[0] !== 0 || Math.max(hash + headerSize, symbols, strings) > start[1]) return undefined
  const [bucketCount, first, bloomLength, shift] = [0, 4, 8, 12].map(field =>
    view.getUint32(hash + field, true),
  ) as [number, number, number, number]
  const places = [hash, strings, entries.get(DT_VERSYM) ?? strings, entries.get(DT_VERNEED) ?? strings]
  const next = (at: number): number => Math.min(start[1], ...places.filter(place => place > at))
  const count = Math.floor((next(symbols) - symbols) / symbolSize)
  const bloom = hash + headerSize
  const buckets = bloom + bloomLength * 8
  const chains = buckets + bucketCount * 4
  const end = chains + (count - first) * 4
  if (count < first || bloomLength === 0 || bucketCount === 0 || end > next(hash)) return undefined
  return { bloom, bloomLength, shift, buckets, bucketCount, chains, end, first, count, symbols, strings }
}
