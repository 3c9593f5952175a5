/** What a number in a document means: what it may be exchanged with, and which other values are near the truth. */
export type Role = 'offset' | 'size' | 'count' | 'section' | 'symbol' | 'name' | 'type' | 'kind' | 'value'

/** A number in a document that damage aims at. */
export interface Field {
  readonly at: number
  /** Bytes. */
  readonly size: 1 | 2 | 4 | 8
  readonly role: Role
  readonly littleEndian: boolean
}

/** Fields of one part of a document. Parts are hit equally often, however large they are. */
export type Part = readonly Field[]

/** Collects the fields of records by their place in them. */
export class PartReader {
  readonly fields: Field[] = []
  readonly view: DataView
  readonly #littleEndian: boolean

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#littleEndian = littleEndian
  }

  add(
    base: number,
    ...fields: readonly (readonly [offset: number, size: Field['size'], role: Role])[]
  ): void {
    for (const [offset, size, role] of fields) {
      this.fields.push({ at: base + offset, size, role, littleEndian: this.#littleEndian })
    }
  }

  u8(at: number): number {
    return this.view.getUint8(at)
  }

  u16(at: number): number {
    return this.view.getUint16(at, this.#littleEndian)
  }

  u32(at: number): number {
    return this.view.getUint32(at, this.#littleEndian)
  }

  u64(at: number): number {
    return Number(this.view.getBigUint64(at, this.#littleEndian))
  }
}
