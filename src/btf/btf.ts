import { BtfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import type { TypeTable } from '../parser/index.ts'
import {
  type ByteRange,
  createScanner,
  createScannerFrom,
  type ScanFault,
  type Scanner,
} from '../parser/index.ts'
import { checkCycles } from './cycles.ts'
import { decodeType } from './decode.ts'
import { type BlobParts, readBlobHeader } from './header.ts'
import * as measure from './measure.ts'
import { Records } from './records.ts'
import { checkType } from './rules.ts'
import { type BtfKind, type BtfType, type BtfTypeOf, kinds, oneOf, type TypeId } from './types.ts'

export interface BtfOptions {
  /** How errors name the blob; default `.BTF`. */
  readonly where?: string
}

export interface ParseBtfOptions extends BtfOptions {
  /** The BTF that this blob continues: that of vmlinux, for the blob of a kernel module (split BTF). */
  readonly base?: Btf
}

const DATASEC = 15

let encoder: InstanceType<typeof TextEncoder> | undefined

/** The state that the readers below hand to {@link Btf}. */
interface Parsed {
  readonly records: Records
  readonly table: TypeTable
  readonly bytes: Uint8Array
  readonly isMapped?: boolean | undefined
  readonly base?: Btf | undefined
}

/** Where {@link readBtf} finds the blob. */
interface ReadBtfOptions extends BtfOptions {
  /** The bytes are the kernel's own: who writes to them ends the process. */
  readonly isMapped?: boolean
}

/**
 * The types of one BTF blob. The blob was scanned once; a type is checked and decoded when it is first asked for, and
 * then kept. All methods that take an id throw a {@link BtfError} for an id that the blob does not have.
 */
export class Btf {
  /** Byte order of the blob. */
  readonly littleEndian: boolean
  /** The highest id. With a base, its types come first. */
  readonly count: number
  /** The id of the first type that is the blob's own: 1, or with a base the one behind its last. */
  readonly first: TypeId
  readonly base: Btf | undefined
  /** @internal */
  readonly records: Records
  /** @internal Bytes of the blob. */
  readonly size: number
  #bytes: Uint8Array
  #isMapped: boolean
  readonly #table: TypeTable
  readonly #types = new Map<TypeId, BtfType>()
  readonly #aligns = new Map<TypeId, number>()
  #datasecs: readonly TypeId[] | undefined

  /** @internal Use {@link parseBtf}. */
  constructor({ records, table, bytes, isMapped, base }: Parsed) {
    this.records = records
    this.littleEndian = records.littleEndian
    this.count = records.count
    this.first = records.first
    this.size = bytes.length
    this.#bytes = bytes
    this.#isMapped = isMapped === true
    this.base = base
    this.#table = table
  }

  /** The blob, as `BPF_BTF_LOAD` takes it. Not to be written to. */
  get bytes(): Uint8Array {
    if (this.#isMapped) {
      this.#bytes = this.#bytes.slice()
      this.#isMapped = false
    }
    return this.#bytes
  }

  /**
   * The type with this id.
   *
   * @throws BtfError when it breaks a rule of its kind or refers to a type that does not exist.
   */
  type(id: TypeId): BtfType {
    if (id < this.first && this.base) return this.base.type(id)
    const known = this.#types.get(id)
    if (known) return known
    this.#mustHave(id)
    checkType(this.records, id)
    const type = decodeType(this.records, id)
    this.#types.set(id, type)
    return type
  }

  /**
   * @internal Checks a type that is read word by word then.
   *
   * @throws BtfError as {@link type}.
   */
  checkOne(id: TypeId): void {
    if (id < this.first && this.base) this.base.checkOne(id)
    else {
      this.#mustHave(id)
      checkType(this.records, id)
    }
  }

  /** The kind of a type, read without decoding it. */
  kindOf(id: TypeId): BtfKind {
    this.#mustHave(id)
    return this.records.kind(id)
  }

  /** The name of a type, read without decoding it; empty for an anonymous one. */
  nameOf(id: TypeId): string {
    this.#mustHave(id)
    return this.records.name(id)
  }

  /** The ids of all types with this name, lowest first; no string or object is made for any other type. */
  *idsOf(name: string, kind?: BtfKind): IterableIterator<TypeId> {
    if (this.base) yield* this.base.idsOf(name, kind)
    encoder ??= new TextEncoder()
    const bytes = encoder.encode(name)
    for (let own = this.#table.find(bytes, 0); own !== 0; own = this.#table.find(bytes, own)) {
      const id = own + this.first - 1
      if (kind === undefined || this.records.kind(id) === kind) yield id
    }
  }

  /** The type with this name, the one with the lowest id; `undefined` if there is none. */
  find<K extends BtfKind>(name: string, kind: K): BtfTypeOf<K> | undefined
  find(name: string, kind?: BtfKind): BtfType | undefined
  find(name: string, kind?: BtfKind): BtfType | undefined {
    for (const id of this.idsOf(name, kind)) return this.type(id)
    return undefined
  }

  /** All types with this name, by id. */
  findAll<K extends BtfKind>(name: string, kind: K): BtfTypeOf<K>[]
  findAll(name: string, kind?: BtfKind): BtfType[]
  findAll(name: string, kind?: BtfKind): BtfType[] {
    return Array.from(this.idsOf(name, kind), id => this.type(id))
  }

  /** The ids of the blob's own types, lowest first; with a kind, of that kind only. */
  *ids(kind?: BtfKind): IterableIterator<TypeId> {
    const wanted = kind === undefined ? -1 : kinds.indexOf(kind)
    for (let id = this.first; id <= this.count; id++) {
      if (wanted < 0 || this.records.kindNumber(id) === wanted) yield id
    }
  }

  /** @internal The blob's own data sections, which opening an object asks for again and again. */
  get datasecs(): readonly TypeId[] {
    if (this.#datasecs) return this.#datasecs
    const found: TypeId[] = []
    for (let id = this.first; id <= this.count; id++)
      if (this.records.kindNumber(id) === DATASEC) found.push(id)
    this.#datasecs = found
    return found
  }

  /** The blob's own types, by id. */
  *[Symbol.iterator](): IterableIterator<BtfType> {
    for (const id of this.ids()) yield this.type(id)
  }

  /**
   * The type behind typedefs, const, volatile, restrict and type tags.
   *
   * @throws BtfError for a chain of more than 32 of them, and so for a circle.
   */
  resolve(id: TypeId): BtfType {
    return this.type(measure.resolve(this.records, id))
  }

  /** {@link resolve} without decoding: the id of that type. */
  resolveId(id: TypeId): TypeId {
    return measure.resolve(this.records, id)
  }

  /**
   * Bytes of a value of this type; of a DATASEC 0 as long as it is not filled in.
   *
   * @throws BtfError for void, functions, forward declarations, arrays over 4 GiB, and a way to the size that is more
   * than 32 types long or circular.
   */
  sizeOf(id: TypeId): number {
    return measure.sizeOf(this.records, id)
  }

  /**
   * Bytes to which a value of this type is aligned, derived from its members: BTF does not record `packed` (1 here, if
   * it shows) or `aligned(N)`.
   *
   * @throws BtfError as {@link sizeOf}, and for a struct that holds itself.
   */
  alignOf(id: TypeId): number {
    return measure.alignOf(this.records, id, this.#aligns)
  }

  /**
   * The string at an offset into the string section, as `.BTF.ext` and the kernel name things.
   *
   * @throws BtfError for an offset outside the strings.
   */
  string(offset: number): string {
    if (!this.records.hasText(offset)) {
      throw new BtfError(
        `${this.records.where}/strings`,
        `has no byte ${offset}: it is ${this.records.stringsLength} bytes long`,
      )
    }
    return this.records.line(offset)
  }

  /**
   * Checks all of the blob's own types at once: each by the rules of its kind, and that none is part of itself.
   *
   * @throws BtfError for the first that is wrong.
   */
  check(): void {
    for (let id = this.first; id <= this.count; id++) checkType(this.records, id)
    checkCycles(this.records)
  }

  #mustHave(id: TypeId): void {
    if (id >= 0 && id <= this.count && Number.isInteger(id)) return
    throw new BtfError(this.records.place(id), `does not exist; the ids end at ${this.count}`)
  }
}

/**
 * Reads a BTF blob: the contents of a `.BTF` section, of /sys/kernel/btf/vmlinux, or what the kernel returns for a BTF
 * id. The bytes are copied.
 *
 * @throws BtfError when the header, the sections or the chain of types is broken. What is wrong inside a type shows
 * when it is asked for, or in {@link Btf.check}.
 *
 * @example
 * const vmlinux = parseBtf(readFileSync('/sys/kernel/btf/vmlinux'))
 * vmlinux.find('task_struct', 'struct')?.size
 */
export function parseBtf(bytes: Uint8Array, given?: ParseBtfOptions): Btf {
  const options = optionsOf(given, 'parseBtf()')
  if (options.base) return parseSplit(bytes, options.base, options.where ?? '.BTF')
  return readBtf(createScanner(bytes, { hasOnlyTypes: true }), { offset: 0, length: bytes.length }, options)
}

/**
 * Reads a BTF blob that lies in a scanner's document, without copying it: `.BTF` in an ELF file, or kernel BTF read
 * straight into the core's memory.
 *
 * @throws BtfError as {@link parseBtf}.
 */
export function readBtf(scanner: Scanner, range: ByteRange, options: ReadBtfOptions = {}): Btf {
  const where = options.where ?? '.BTF'
  const bytes = scanner.bytes.subarray(range.offset, range.offset + range.length)
  const parts = readBlobHeader(bytes, where, false)
  const inDocument = ({ offset, length }: ByteRange): ByteRange => ({ offset: range.offset + offset, length })
  const types = inDocument(parts.types)
  const strings = inDocument(parts.strings)
  const table = scan(scanner, parts.littleEndian, types, strings, where, 0)
  const { littleEndian } = parts
  const records = new Records({
    bytes: scanner.bytes,
    view: scanner.view,
    littleEndian,
    table,
    strings,
    blobOffset: -range.offset,
    where,
  })
  return new Btf({ records, table, bytes, isMapped: options.isMapped })
}

/** The scan wants all strings in one piece: the base's are copied in front of the blob's own. */
function parseSplit(blob: Uint8Array, base: Btf, where: string): Btf {
  const parts: BlobParts = readBlobHeader(blob, where, true)
  const { littleEndian } = parts
  if (littleEndian !== base.littleEndian) {
    throw new BtfError(`${where}/header/magic`, 'is of the other byte order than its base')
  }
  const baseStrings = base.records.strings()
  const strings = { offset: 0, length: baseStrings.length + parts.strings.length }
  const types = { offset: strings.length, length: parts.types.length }
  const lay = (memory: Uint8Array): void => {
    memory.set(baseStrings)
    memory.set(slice(blob, parts.strings), baseStrings.length)
    memory.set(slice(blob, parts.types), types.offset)
  }
  const scanner = createScannerFrom(types.offset + types.length, lay, { hasOnlyTypes: true })
  const table = scan(scanner, littleEndian, types, strings, where, base.count)
  const records = new Records({
    bytes: scanner.bytes,
    view: scanner.view,
    littleEndian,
    table,
    strings,
    blobOffset: parts.types.offset - types.offset,
    where,
    base: base.records,
  })
  return new Btf({ records, table, bytes: new Uint8Array(blob), base })
}

function slice(bytes: Uint8Array, range: ByteRange): Uint8Array {
  return bytes.subarray(range.offset, range.offset + range.length)
}

function scan(
  scanner: Scanner,
  littleEndian: boolean,
  types: ByteRange,
  strings: ByteRange,
  where: string,
  baseCount: number,
): TypeTable {
  // an ELF file around the blob may be of the other byte order; its own scans are to come
  const before = scanner.littleEndian
  scanner.littleEndian = littleEndian
  const found = scanner.scanTypes(types, strings)
  scanner.littleEndian = before
  if (!('fault' in found)) return found
  const head = readHead(scanner.view, littleEndian, found.offset)
  const end = types.offset + types.length
  throw new BtfError(
    `${where}/type[${baseCount + found.index}]`,
    scanProblem(found, head, end, strings.length),
  )
}

interface Head {
  readonly name: number
  readonly kind: number
  readonly vlen: number
}

function readHead(view: DataView, littleEndian: boolean, at: number): Head {
  const word = (i: number): number =>
    at + 4 * i + 4 <= view.byteLength ? view.getUint32(at + 4 * i, littleEndian) : 0
  return { name: word(0), kind: (word(1) >>> 24) & 0x1f, vlen: word(1) & 0xffff }
}

function scanProblem({ fault, offset }: ScanFault, head: Head, end: number, stringsLength: number): string {
  switch (fault) {
    case 'truncated': {
      const left = end - offset
      if (left < 12) return `starts ${left} bytes before the end of the type section; a type has 12 at least`
      return `${oneOf(kinds[head.kind]!)} with ${head.vlen} entries goes beyond the end of the type section`
    }
    case 'bad-kind':
      return `is of kind ${head.kind}; known are 1 (int) to ${kinds.length - 1} (${kinds.at(-1)})`
    case 'bad-name':
      return `has its name at ${head.name}, outside the ${stringsLength} bytes of strings`
    default:
      return `cannot be scanned: ${fault}`
  }
}
