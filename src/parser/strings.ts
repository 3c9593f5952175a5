/** Bytes up to which a table is made one string: it costs as much again, and a search in it goes on to the next NUL. */
const wholeLimit = 512 * 1024

/** Longer ones are looked for one by one: the end of each is searched, and many could begin in one that is endless. */
const longestInWhole = 4096

/** Bytes of the pieces of a larger table, and how many more each has for a name that begins in it and ends in the next. */
const pieceSize = 512
const overlap = 128

/** How many times its own size may be made of a table that is read name by name: compilers let few names share an end. */
const copiesLimit = 8
/** What any table may be made, however small it is. */
const leastCopied = 65_536

// ignoreBOM: a name that starts with U+FEFF keeps it
let decoder: InstanceType<typeof TextDecoder> | undefined

/**
 * A table of names, each ended by a NUL as the whole is. Names are ASCII as a rule: the table becomes one string when the
 * first of them is asked for, or of a large one each piece when a name in it is, and each name is a part of that, which takes
 * a fifth of the time that decoding it takes.
 */
export class StringTable {
  readonly bytes: Uint8Array
  readonly #pieceSize: number
  /** `null` for what is not all ASCII. */
  readonly #pieces: (string | null | undefined)[]
  #copied = 0

  /** @param bytes - End with a NUL. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#pieceSize = bytes.length > wholeLimit ? pieceSize : wholeLimit
    this.#pieces = new Array(Math.ceil(bytes.length / this.#pieceSize))
  }

  /** The name that starts at a byte of the table; `undefined` where it is endless, or not all that is around it is ASCII. */
  asciiAt(offset: number): string | undefined {
    const start = offset % this.#pieceSize
    const index = (offset - start) / this.#pieceSize
    let piece = this.#pieces[index]
    if (piece === undefined) this.#pieces[index] = piece = this.#decode(offset - start)
    if (piece === null) return undefined
    const end = piece.indexOf('\0', start)
    return end < 0 ? undefined : piece.slice(start, end)
  }

  /**
   * Counts the bytes of a name that was made by itself: is it still within what names that do not overlap come to? Without
   * this, a small file could give each of its symbols or types another end of one long name.
   */
  mayCopy(length: number): boolean {
    this.#copied += length
    return this.#copied <= leastCopied + copiesLimit * this.bytes.length
  }

  #decode(start: number): string | null {
    if (this.#pieceSize === wholeLimit && this.#hasLong()) return null
    const bytes = this.bytes.subarray(start, start + this.#pieceSize + overlap)
    decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    try {
      const text = decoder.decode(bytes)
      // whatever is not ASCII takes more bytes than characters
      return text.length === bytes.length ? text : null
    } catch {
      // not UTF-8: a matter of the one name that is not
      return null
    }
  }

  /** Goes from one end to the next that is as far away as may be: a few steps for a whole table. */
  #hasLong(): boolean {
    const { bytes } = this
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.lastIndexOf(0, start + longestInWhole)
      if (end < start) return true
      start = end + 1
    }
    return false
  }
}
