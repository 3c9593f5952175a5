import { boundsFault } from './bounds.ts'
import { type Core, maximumPages, module } from './core.generated.ts'
import { NameIndex, printsIn } from './name-index.ts'
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

/** Types that one call of the core goes through. */
const slice = 4096

/** A scan reads 32 bytes at a time, the last ones partly behind the document. */
const gap = 32

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

/** Types that so many bytes can have, and two more. */
const mostTypes = (length: number): number => Math.ceil(length / 12) + 2

/** Bytes that the tables of a scan of types can take: 6 a type, and what is looked at behind the last print. */
const typeRoom = (length: number): number => 6 * mostTypes(length) + 64

/** Those of any scan: 20 bytes a relocation of 16, or 8 a symbol of 24 and 4 a section. */
const tableRoom = (length: number): number => 20 * Math.ceil(length / 16) + 4 * maximumSections + 64

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
    // pages that hold nothing but types
    this.#free = alignUp(length + gap, hasOnlyTypes ? pageSize : 8)
    this.#hasOnlyTypes = hasOnlyTypes
    // what is taken counts as used for the garbage collector, which goes to work for that alone
    const tables = typeRoom(length) + (hasOnlyTypes ? 0 : tableRoom(length))
    const pages = Math.ceil((this.#free + tables) / pageSize)
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
    const prints = offsets + 4 * mostTypes(types.length)
    const count = this.#walkTypes(types, strings, offsets, prints)
    if (typeof count !== 'number') return count
    return this.#indexOf(
      strings,
      this.#words(offsets, count + 1),
      new Uint16Array(this.#buffer, prints, count + 1),
    )
  }

  /**
   * A document holds one BTF blob: its tables stay where they were made. Should there be a second, its tables are copied
   * out, like all smaller tables, and their room is used again.
   */
  #indexOf(strings: ByteRange, offsets: Uint32Array, all: Uint16Array): NameIndex {
    if (this.#keepsTypes) {
      const copied = printsIn(all.slice())
      return new NameIndex(this, strings, offsets.slice(), () => copied)
    }
    this.#keepsTypes = true
    this.#free = alignUp(all.byteOffset + all.byteLength, 8)
    const find = (print: number, after: number): number =>
      this.#core.findPrint(all.byteOffset, after, all.length - 1, print)
    return new NameIndex(this, strings, offsets, () => ({ all, find }))
  }

  /**
   * In slices, because the engine starts with code that it compiled quickly and exchanges it between calls only: the
   * first scan of a process, of a kernel's BTF, takes half the time that one call takes.
   */
  #walkTypes(types: ByteRange, strings: ByteRange, offsets: number, prints: number): number | ScanFault {
    const end = types.offset + types.length
    const table = this.#words(offsets, 2)
    // the memory may have served another scan
    table.set([0, types.offset])
    for (let id = 0; ; ) {
      const last = id + slice
      const [at, limit] = [strings.offset, strings.length]
      const done = this.#core.walkTypes(id, last, end, at, limit, this.#big, offsets, prints)
      if (done < 0) return this.#fault(done, table[0]!, this.#words(offsets + 4 * table[0]!, 1)[0]!)
      if (done < last) return done
      id = done
    }
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

function alignUp(address: number, to: number): number {
  return Math.ceil(address / to) * to
}
