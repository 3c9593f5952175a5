// What a source of events has begun and ended so far, for another process that looks while they are made.
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

const kinds = ['calls', 'packets'] as const

export type Kind = (typeof kinds)[number]

export interface Entry {
  readonly begun: number
  readonly ended: number
}

export class Ledger {
  readonly #fd: number
  readonly #words = new BigUint64Array(2 * kinds.length)

  constructor(path: string) {
    this.#fd = openSync(path, 'a+')
    closeSync(this.#fd)
    this.#fd = openSync(path, 'r+')
  }

  begin(kind: Kind): void {
    this.#count(2 * kinds.indexOf(kind))
  }

  end(kind: Kind): void {
    this.#count(2 * kinds.indexOf(kind) + 1)
  }

  #count(at: number): void {
    this.#words[at] = (this.#words[at] ?? 0n) + 1n
    writeSync(this.#fd, this.#words, 8 * at, 8, 8 * at)
  }

  read(): Readonly<Record<Kind, Entry>> {
    for (let before = ''; ; ) {
      readSync(this.#fd, this.#words, 0, this.#words.byteLength, 0)
      const now = this.#words.join()
      // half a number is not read twice
      if (now === before) break
      before = now
    }
    const entry = (kind: Kind): Entry => {
      const at = 2 * kinds.indexOf(kind)
      return { begun: Number(this.#words[at]), ended: Number(this.#words[at + 1]) }
    }
    return { calls: entry('calls'), packets: entry('packets') }
  }

  close(): void {
    closeSync(this.#fd)
  }
}
