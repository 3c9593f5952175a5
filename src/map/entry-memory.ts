import { allocate, type Memory } from '../syscall/index.ts'
import type { EntryCodecs } from './entry-codecs.ts'
import type { Entry } from './types.ts'

/** Memory for one key and one value, which calls on a map use again and again. */
export class EntryMemory {
  readonly key: Memory
  readonly value: Memory
  /** What map calls take for a key: null in maps that have none. */
  readonly keyOrNone: Memory | null
  readonly #codecs: EntryCodecs
  readonly #keyView: DataView
  readonly #valueView: DataView

  constructor(codecs: EntryCodecs) {
    this.#codecs = codecs
    this.key = allocate(codecs.keySize)
    this.keyOrNone = codecs.keySize === 0 ? null : this.key
    this.value = allocate(codecs.valueSize)
    this.#keyView = new DataView(this.key.bytes.buffer)
    this.#valueView = new DataView(this.value.bytes.buffer)
  }

  putKey(key: Entry): void {
    this.#codecs.putKey(key, this.#keyView, 0)
  }

  putValue(value: Entry): void {
    this.#codecs.putValue(value, this.#valueView, 0)
  }

  takeValue(): Entry {
    return this.#codecs.takeValue(this.#valueView, 0)
  }
}
