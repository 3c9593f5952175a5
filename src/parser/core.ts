import { boundsFault } from './bounds.ts'
import { type Core, maximumPages, module } from './core.generated.ts'
import { bucketBits, NameIndex } from './name-index.ts'
import type {
  ByteRange,
  FaultName,
  RelocationTable,
  ScanFault,
  Scanner,
  SymbolTable,
  TypeTable,
} from './scanner.ts'

const pageSize = 65_536

/** Types that are chained by one call of the core. */
const slice = 4096

/** By the core's fault numbers, -1 to -7. */
const faults: readonly FaultName[] = [
  'truncated',
  'bad-kind',
  'bad-name',
  'bad-section',
  'bad-symbol',
  'bad-offset',
  'too-large',
]

/** No ELF file numbers more sections than this without an extension that is refused. */
const maximumSections = 0xff00

/** Bytes that the tables of one scan can take: 16 a type, or 20 a relocation, or 8 a symbol and 4 a section. */
function tableRoom(documentLength: number): number {
  return 16 * Math.ceil(documentLength / 12) + 4 * maximumSections + 64
}

let compiled: WebAssembly.Module | undefined

/** Compiled once a process, by the first document. */
function coreModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(module), char => char.charCodeAt(0)))
  return compiled
}

/**
 * The scans by the WebAssembly core: one instance a document, the document at address 0 of its memory and the tables
 * behind it. All the memory that any scan of this document can need is taken at once (it costs address space until it
 * is used), because growing it later would cut off every view that was given out.
 */
export class CoreScanner implements Scanner {
  readonly bytes: Uint8Array
  readonly view: DataView
  littleEndian = true
  readonly #core: Core
  readonly #buffer: ArrayBuffer
  /** Where the next scan puts its tables. */
  #free: number
  #keepsTypes = false

  readonly #hasOnlyTypes: boolean

  /** Throws where WebAssembly is switched off, and where `length` is more than its memory holds. */
  constructor(length: number, hasOnlyTypes = false) {
    // the build checked the module's exports and wrote Core from them
    this.#core = new WebAssembly.Instance(coreModule()).exports as Core
    this.#free = alignUp(length + 8) // a scan reads 8 bytes at a time, the last ones partly behind the document
    this.#hasOnlyTypes = hasOnlyTypes
    // what is taken counts as used for the garbage collector, which goes to work for that alone
    const tables = hasOnlyTypes ? 1 : 2
    const pages = Math.ceil((this.#free + tables * tableRoom(length)) / pageSize)
    if (pages > maximumPages) throw new RangeError(`a document of ${length} bytes is too large for the core`)
    this.#core.memory.grow(pages)
    this.#buffer = this.#core.memory.buffer
    this.bytes = new Uint8Array(this.#buffer, 0, length)
    this.view = new DataView(this.#buffer, 0, length)
  }

  scanTypes(types: ByteRange, strings: ByteRange): TypeTable | ScanFault {
    const misplaced = boundsFault(this.bytes, types, strings)
    if (misplaced !== undefined) return misplaced
    if (this.#keepsTypes) this.#mustHaveRoom()
    const offsets = this.#free
    const end = types.offset + types.length
    const count = this.#core.walkTypes(types.offset, end, strings.length, this.#big, offsets)
    if (count < 0) {
      const id = this.#words(offsets, 1)[0]!
      return this.#fault(count, id, this.#words(offsets + 4 * id, 1)[0]!)
    }
    const next = offsets + 4 * (count + 1)
    const heads = next + 4 * (count + 1)
    const tables = {
      offsets: this.#words(offsets, count + 1),
      next: this.#words(next, count + 1),
      heads: this.#words(heads, 2 ** bucketBits(count)),
    }
    this.#chainNames(tables, strings.offset)
    const kept = this.#keepOrCopy(tables)
    return new NameIndex(this, strings, kept.offsets, () => kept)
  }

  /**
   * In slices, because the engine starts with code that it compiled quickly and exchanges it between calls only: the
   * first scan of a process, of a kernel's BTF, takes half the time that one call takes.
   */
  #chainNames(
    { offsets, next, heads }: Pick<TypeTable, 'offsets' | 'next' | 'heads'>,
    strings: number,
  ): void {
    heads.fill(0) // the memory may have served another scan
    next[0] = 0
    const count = offsets.length - 1
    const bits = bucketBits(count)
    for (let last = count; last > 0; last -= slice) {
      const first = Math.max(1, last - slice + 1)
      const [from, chain, to] = [offsets.byteOffset, next.byteOffset, heads.byteOffset]
      this.#core.chainNames(from, first, last, strings, this.#big, to, bits, chain)
    }
  }

  /**
   * A document holds one BTF blob: its tables stay where they were made, half a megabyte each for a kernel. Should
   * there be a second, its tables are copied out, like all smaller tables, and their room is used again.
   */
  #keepOrCopy<T extends Record<string, Uint32Array>>(tables: T): T {
    if (this.#keepsTypes) {
      const copies = Object.entries(tables).map(([name, table]) => [name, table.slice()])
      return Object.fromEntries(copies) as T // the same names
    }
    this.#keepsTypes = true
    for (const table of Object.values(tables)) this.#free += table.byteLength
    this.#free = alignUp(this.#free)
    return tables
  }

  scanSymbols(table: ByteRange, strings: ByteRange, sectionCount: number): SymbolTable | ScanFault {
    const misplaced = boundsFault(this.bytes, table, strings)
    if (misplaced !== undefined) return misplaced
    if (sectionCount > maximumSections) throw new RangeError(`${sectionCount} sections`)
    this.#mustHaveRoom()
    const { offset, length } = table
    const starts = this.#free
    const end = offset + length
    const count = this.#core.scanSymbols(offset, end, strings.length, sectionCount, this.#big, starts)
    if (count < 0) return this.#recordFault(count, offset, 24)
    const order = starts + 4 * (sectionCount + 1)
    const placed = this.#words(order - 4, 1)[0]!
    return {
      count,
      starts: this.#words(starts, sectionCount + 1).slice(),
      order: this.#words(order, placed).slice(),
    }
  }

  scanRelocations(table: ByteRange, symbolCount: number, size: number): RelocationTable | ScanFault {
    const misplaced = boundsFault(this.bytes, table)
    if (misplaced !== undefined) return misplaced
    this.#mustHaveRoom()
    const { offset, length } = table
    const count = this.#core.scanRelocations(
      offset,
      offset + length,
      symbolCount,
      size,
      this.#big,
      this.#free,
    )
    if (count < 0) return this.#recordFault(count, offset, 16)
    return { count, records: this.#words(this.#free, 3 * count).slice() }
  }

  #mustHaveRoom(): void {
    if (this.#hasOnlyTypes) throw new RangeError('a document of one table of types is scanned once')
  }

  get #big(): number {
    return this.littleEndian ? 0 : 1
  }

  #words(address: number, length: number): Uint32Array {
    return new Uint32Array(this.#buffer, address, length)
  }

  #recordFault(code: number, table: number, recordSize: number): ScanFault {
    const index = this.#words(this.#free, 1)[0]!
    return this.#fault(code, index, table + index * recordSize)
  }

  #fault(code: number, index: number, offset: number): ScanFault {
    return { fault: faults[-code - 1]!, offset, index }
  }
}

function alignUp(address: number): number {
  return Math.ceil(address / 8) * 8
}
