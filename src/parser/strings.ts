/** Bytes up to which a table is made one string: it costs as much again, and a search in it goes on to the next NUL. */
const wholeLimit = 512 * 1024

// ignoreBOM: a name that starts with U+FEFF keeps it
let decoder: InstanceType<typeof TextDecoder> | undefined

/**
 * A table of names, each ended by a NUL as the whole is. Names are ASCII as a rule: the table becomes one string when the
 * first of them is asked for, and each is a piece of that, which takes a fifth of the time that decoding it takes.
 */
export class StringTable {
  readonly bytes: Uint8Array
  #whole: string | null | undefined

  /** @param bytes - End with a NUL. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The name that starts at a byte of the table; `undefined` where the table is large, or not all of it is ASCII. */
  asciiAt(offset: number): string | undefined {
    const whole = this.#whole === undefined ? this.#decode() : this.#whole
    return whole === null ? undefined : whole.slice(offset, whole.indexOf('\0', offset))
  }

  #decode(): string | null {
    this.#whole = null
    if (this.bytes.length <= wholeLimit) {
      decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      try {
        const text = decoder.decode(this.bytes)
        // whatever is not ASCII takes more bytes than characters
        if (text.length === this.bytes.length) this.#whole = text
      } catch {
        // not UTF-8: a matter of the one name that is not
      }
    }
    return this.#whole
  }
}
