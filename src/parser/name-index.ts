import type { ByteRange, TypeTable } from './scanner.ts'
import { viewOf } from './view.ts'

/** Only this many bytes of a name are in its print, so that types sharing one endless name cost no more than others. */
const printedWords = 8

/** Odd numbers without a pattern: constants of hash functions. assembly/core.ts has the same. */
const factors = Uint32Array.of(
  ...[0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09],
)

/**
 * The print of the name that starts at `at` and ends with the next NUL, or with the view: 16 bits that differ for most names
 * that differ, and 0 for the empty one. Words of 4 bytes, little-endian, NULs behind the end, each by a factor of its own.
 */
export function printAt(view: DataView, at: number): number {
  const lastWord = view.byteLength - 4
  let sum = 0
  for (let i = 0; i < printedWords; i++, at += 4) {
    const word = at <= lastWord ? view.getUint32(at, true) : lastBytes(view, at)
    const nuls = (word - 0x01010101) & ~word & 0x80808080
    if (nuls === 0) {
      sum += Math.imul(word, factors[i]!)
      continue
    }
    // the lowest bit marks the first NUL (borrows only set bits above it): keep the bytes below
    const rest = word & (((nuls & -nuls) >>> 7) - 1)
    if (i === 0 && rest === 0) return 0
    sum += Math.imul(rest, factors[i]!)
    break
  }
  return (sum >>> 16) | 1
}

/** Up to three bytes at the very end. */
function lastBytes(view: DataView, at: number): number {
  let word = 0
  for (let shift = 0; at < view.byteLength; at++, shift += 8) word |= view.getUint8(at) << shift
  return word
}

/** The print of a name that is given whole. */
function printOf(name: Uint8Array): number {
  return printAt(viewOf(name), 0)
}

/** Prints are gone through for so many names; who asks for more gets chains, which take as long to be made. */
const searches = 64

/** The prints of a blob's types, by their ids, and the lowest id above `after` that has a print, or 0. */
export interface Prints {
  readonly all: Uint16Array
  find(print: number, after: number): number
}

export function printsIn(all: Uint16Array): Prints {
  return { all, find: (print, after) => Math.max(0, all.indexOf(print, after + 1)) }
}

/** The types of a blob chained by the upper bits of their prints. */
interface Chains {
  /** The lowest id of each chain, or 0; a power of two long. */
  readonly heads: Uint32Array
  /** `next[id]`: the next higher id of the same chain, or 0. */
  readonly next: Uint32Array
}

/** The tables of a type scan with the search in them; both scanners answer with it. */
export class NameIndex implements TypeTable {
  readonly count: number
  readonly offsets: Uint32Array
  readonly #takePrints: () => Prints
  #taken: Prints | undefined
  #searched = 0
  #chains: Chains | undefined
  readonly #view: DataView
  readonly #littleEndian: boolean
  readonly #strings: number

  /** @param takePrints is called when a name is first looked for: in most objects none is */
  constructor(
    document: { readonly view: DataView; readonly littleEndian: boolean },
    strings: ByteRange,
    offsets: Uint32Array,
    takePrints: () => Prints,
  ) {
    this.count = offsets.length - 1
    this.offsets = offsets
    this.#takePrints = takePrints
    this.#view = document.view
    this.#littleEndian = document.littleEndian
    this.#strings = strings.offset
  }

  get prints(): Uint16Array {
    return this.#prints.all
  }

  get #prints(): Prints {
    return (this.#taken ??= this.#takePrints())
  }

  find(name: Uint8Array, after: number): number {
    // no name in the blob holds a NUL; without this the comparison below would run on into the following name
    if (name.length === 0 || after >= this.count || name.includes(0)) return 0
    if (this.#searched === searches) return this.#findInChain(name, after)
    this.#searched++
    const print = printOf(name)
    let id = this.#prints.find(print, after)
    while (id !== 0 && !this.#isNamed(id, name)) id = this.#prints.find(print, id)
    return id
  }

  #findInChain(name: Uint8Array, after: number): number {
    this.#chains ??= chained(this.prints)
    const { heads, next } = this.#chains
    const goesOn = after > 0 && this.#isNamed(after, name)
    let id = goesOn ? next[after]! : heads[bucketOf(printOf(name), heads)]!
    while (id !== 0 && (id <= after || !this.#isNamed(id, name))) id = next[id]!
    return id
  }

  /** From the end: names of one print often begin alike. Strings end with a NUL, so that no match goes beyond them. */
  #isNamed(id: number, name: Uint8Array): boolean {
    const view = this.#view
    const start = this.#strings + view.getUint32(this.offsets[id]!, this.#littleEndian)
    if (start + name.length >= view.byteLength || view.getUint8(start + name.length) !== 0) return false
    let i = name.length - 1
    while (i >= 0 && view.getUint8(start + i) === name[i]) i--
    return i < 0
  }
}

/** From the last type to the first: pushing at the front then leaves every chain in rising order. */
function chained(prints: Uint16Array): Chains {
  const last = prints.length - 1
  // two to four types a chain, as half of them have no name
  const heads = new Uint32Array(2 ** Math.min(15, Math.max(1, 30 - Math.clz32(last))))
  const next = new Uint32Array(prints.length)
  for (let id = last; id > 0; id--) {
    if (prints[id] === 0) continue
    const bucket = bucketOf(prints[id]!, heads)
    next[id] = heads[bucket]!
    heads[bucket] = id
  }
  return { heads, next }
}

/** The lowest bit of a print is always set. */
function bucketOf(print: number, heads: Uint32Array): number {
  return (print >>> 1) & (heads.length - 1)
}
