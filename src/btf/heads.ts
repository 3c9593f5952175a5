import { viewOf } from '../parser/view.ts'
import type { Btf } from './btf.ts'
import { type BtfKind, kinds, type TypeId } from './types.ts'

/** Writes to the heads of types: name, kind with count or linkage, size or type; 4 bytes each (struct btf_type). */
export class TypeHeads {
  readonly bytes: Uint8Array
  readonly #btf: Btf
  readonly #view: DataView

  constructor(btf: Btf, bytes: Uint8Array) {
    this.bytes = bytes
    this.#btf = btf
    this.#view = viewOf(bytes)
  }

  get(id: TypeId, word: number): number {
    return this.#view.getUint32(this.#at(id, word), this.#btf.littleEndian)
  }

  set(id: TypeId, word: number, value: number): void {
    this.#view.setUint32(this.#at(id, word), value, this.#btf.littleEndian)
  }

  /** Without the flag, whatever it meant before. */
  setKind(id: TypeId, kind: BtfKind, count = 0): void {
    this.set(id, 1, (kinds.indexOf(kind) << 24) | count)
  }

  #at(id: TypeId, word: number): number {
    return this.#btf.records.offsetInBlob(id) + 4 * word
  }
}
