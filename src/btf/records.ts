import { BtfError } from '../errors.ts'
import { type ByteRange, StringTable, type TypeTable } from '../parser/index.ts'
import type { BtfKind, TypeId } from './types.ts'
import { kinds } from './types.ts'

/** What {@link Records} are read from: one scanned document. */
export interface RecordSource {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly littleEndian: boolean
  readonly table: TypeTable
  /** For split BTF the base's strings, followed by the blob's own. */
  readonly strings: ByteRange
  /** What to add to a place in the document for the place in the blob. */
  readonly blobOffset: number
  /** How errors name the blob: `.BTF`. */
  readonly where: string
  readonly base?: Records | undefined
}

/** Bits of the second word of a type's head (include/uapi/linux/btf.h, struct btf_type). */
const kindFlag = 0x80000000

/**
 * The types of a blob as the numbers that stand there: no rule of BTF is checked here except the one that the scan
 * enforced, that every record lies whole inside the type section.
 */
export class Records {
  /** The id of the first type that is this blob's own and not its base's. */
  readonly first: TypeId
  /** The highest id. */
  readonly count: number
  readonly littleEndian: boolean
  readonly where: string
  readonly stringsLength: number
  readonly #base: Records | undefined
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #offsets: Uint32Array
  readonly #strings: number
  readonly #blobOffset: number
  readonly #names: StringTable
  /** Those that {@link #names} leaves to be decoded. */
  readonly #texts = new Map<number, string>()

  constructor(source: RecordSource) {
    this.#base = source.base
    this.first = (source.base?.count ?? 0) + 1
    this.count = this.first - 1 + source.table.count
    this.littleEndian = source.littleEndian
    this.where = source.where
    this.stringsLength = source.strings.length
    this.#view = source.view
    this.#bytes = source.bytes
    this.#offsets = source.table.offsets
    this.#strings = source.strings.offset
    this.#blobOffset = source.blobOffset
    this.#names = new StringTable(this.strings())
  }

  /** Word `index` of the type's record, its head being words 0 (name), 1 (info) and 2 (size or type). */
  word(id: TypeId, index: number): number {
    if (id < this.first && this.#base) return this.#base.word(id, index)
    return this.#view.getUint32(this.#offsets[id - this.first + 1]! + 4 * index, this.littleEndian)
  }

  /** Where one of the blob's own types starts, in bytes from the start of the blob. */
  offsetInBlob(id: TypeId): number {
    return this.#offsets[id - this.first + 1]! + this.#blobOffset
  }

  /** 0 for void; an id that the blob does not have is the caller's to refuse. */
  kindNumber(id: TypeId): number {
    return id === 0 ? 0 : (this.word(id, 1) >>> 24) & 0x1f
  }

  kind(id: TypeId): BtfKind {
    // the scan refused every kind that is not in the table
    return kinds[this.kindNumber(id)]!
  }

  /** Number of members, enumerators, parameters or variables; of a `func` its linkage. */
  vlen(id: TypeId): number {
    return this.word(id, 1) & 0xffff
  }

  kindFlag(id: TypeId): boolean {
    return (this.word(id, 1) & kindFlag) !== 0
  }

  /** The third word of the head: the size of an int, struct, enum, ...; the type that any other refers to. */
  sizeOrType(id: TypeId): number {
    return this.word(id, 2)
  }

  name(id: TypeId): string {
    return id === 0 ? 'void' : this.text(this.word(id, 0))
  }

  isNamed(id: TypeId): boolean {
    return this.#bytes[this.#strings + this.word(id, 0)] !== 0
  }

  /**
   * The name at an offset that is known to lie inside the strings.
   *
   * @throws BtfError where names overlap so much that they would take many times the memory that the strings do.
   */
  text(offset: number): string {
    if (offset === 0) return ''
    let text = this.#names.asciiAt(offset) ?? this.#texts.get(offset)
    if (text === undefined) {
      text = textAt(this.#bytes, this.#strings + offset)
      if (!this.#names.mayCopy(text.length)) {
        const problem = `with those before it has more text than ${this.stringsLength} bytes of strings hold`
        throw new BtfError(`${this.where}/strings`, `the name at byte ${offset} ${problem}`)
      }
      this.#texts.set(offset, text)
    }
    return text
  }

  /** As {@link text}, for what is asked for once: a line of source may be long. */
  line(offset: number): string {
    return this.#names.asciiAt(offset) ?? textAt(this.#bytes, this.#strings + offset)
  }

  /** All strings, the base's first. */
  strings(): Uint8Array {
    return this.#bytes.subarray(this.#strings, this.#strings + this.stringsLength)
  }

  has(id: TypeId): boolean {
    return id <= this.count
  }

  hasText(offset: number): boolean {
    return offset < this.stringsLength
  }

  /** Where in errors: `.BTF/type[12]`. */
  place(id: TypeId): string {
    return `${this.where}/type[${id}]`
  }
}

// ignoreBOM: a name that starts with U+FEFF keeps it
let decoder: InstanceType<typeof TextDecoder> | undefined

/** The text up to the next NUL. Names are short and ASCII: that is faster than a TextDecoder. */
export function textAt(bytes: Uint8Array, start: number): string {
  let text = ''
  for (let at = start; ; at++) {
    const byte = bytes[at]
    if (byte === 0 || byte === undefined) return text
    if (byte > 0x7f || at - start > 255) {
      decoder ??= new TextDecoder('utf-8', { ignoreBOM: true })
      return decoder.decode(bytes.subarray(start, bytes.indexOf(0, at)))
    }
    text += String.fromCharCode(byte)
  }
}
