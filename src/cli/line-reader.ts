/** A line that is longer comes in pieces: who writes may never end one. */
const longestLine = 1 << 16

/** Makes lines of bytes that come in pieces, in UTF-8. */
export class LineReader {
  readonly #decoder = new TextDecoder()
  /** Of a line whose end has not come yet. */
  #rest = ''

  /** The lines that end in these bytes. */
  take(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > longestLine) lines.push(this.end())
    return lines
  }

  /** What is left, and has no end. */
  end(): string {
    const rest = this.#rest
    this.#rest = ''
    return rest
  }
}
