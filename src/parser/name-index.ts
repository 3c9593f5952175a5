import type { ByteRange, TypeTable } from './scanner.ts'

/** Only this many bytes of a name are hashed, so that types sharing one endless name cost no more than others. */
export const hashedBytes = 256

/**
 * One step of the name hash: 4 bytes of the name, little-endian, NULs behind its end. The bucket is taken from the
 * top bits, which the multiplication mixes best. assembly/core.ts holds the same function.
 */
export function mix(hash: number, word: number): number {
  return Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1)
}

/**
 * Bits of a bucket number for so many types: two to four types a bucket, half of which have no name. Of a kernel's types, more
 * buckets are more pages, each of which costs more when it is first touched than all the chains that are longer without it.
 */
export function bucketBits(count: number): number {
  return Math.max(1, 30 - Math.clz32(count))
}

/** The hash of a name that is given whole and holds no NUL. */
function hashOf(name: Uint8Array): number {
  const end = Math.min(name.length, hashedBytes)
  let hash = 0
  let at = 0
  for (; at + 4 <= end; at += 4) {
    hash = mix(hash, name[at]! | (name[at + 1]! << 8) | (name[at + 2]! << 16) | (name[at + 3]! << 24))
  }
  if (at === hashedBytes) return hash
  let rest = 0
  for (let shift = 0; at < end; at++, shift += 8) rest |= name[at]! << shift
  return mix(hash, rest)
}

/** The types of a blob chained by the hash of their names: {@link TypeTable}. */
export type NameChains = Pick<TypeTable, 'heads' | 'next'>

/** The tables of a type scan with the search in them; both scanners answer with it. */
export class NameIndex implements TypeTable {
  readonly count: number
  readonly offsets: Uint32Array
  readonly #chain: () => NameChains
  #chains: NameChains | undefined
  readonly #view: DataView
  readonly #littleEndian: boolean
  readonly #strings: number
  readonly #shift: number

  /** @param chain makes the chains when a name is first looked for: in most objects none is */
  constructor(
    document: { readonly view: DataView; readonly littleEndian: boolean },
    strings: ByteRange,
    offsets: Uint32Array,
    chain: () => NameChains,
  ) {
    this.count = offsets.length - 1
    this.offsets = offsets
    this.#chain = chain
    this.#view = document.view
    this.#littleEndian = document.littleEndian
    this.#strings = strings.offset
    this.#shift = 32 - bucketBits(this.count)
  }

  get heads(): Uint32Array {
    return this.#named.heads
  }

  get next(): Uint32Array {
    return this.#named.next
  }

  get #named(): NameChains {
    return (this.#chains ??= this.#chain())
  }

  find(name: Uint8Array, after: number): number {
    // no name in the blob holds a NUL; without this the comparison below would run on into the following name
    if (name.length === 0 || after >= this.count || name.includes(0)) return 0
    const { heads, next } = this.#named
    const goesOn = after > 0 && this.#isNamed(after, name)
    let id = goesOn ? next[after]! : heads[hashOf(name) >>> this.#shift]!
    while (id !== 0 && (id <= after || !this.#isNamed(id, name))) id = next[id]!
    return id
  }

  /** The scan made sure that every name starts inside the strings and that they end with a NUL: it stops there. */
  #isNamed(id: number, name: Uint8Array): boolean {
    const view = this.#view
    const start = this.#strings + view.getUint32(this.offsets[id]!, this.#littleEndian)
    for (let i = 0; i < name.length; i++) {
      if (view.getUint8(start + i) !== name[i]) return false
    }
    return view.getUint8(start + name.length) === 0
  }
}
