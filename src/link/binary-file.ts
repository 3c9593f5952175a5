import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { BpfError, ElfError } from '../errors.ts'

/** An x86-64 or arm64 program or library: what of its ELF file is needed to find functions and probes. */
export class BinaryFile {
  readonly path: string
  readonly machine: BinaryMachine
  readonly sections: readonly Section[]
  readonly #fd: number
  readonly #sectionNames: number
  readonly #size: number
  readonly #segments: readonly Segment[]
  /** Bytes of sections that were read so far, and these: who looks for many functions asks for the same ones again. */
  #readInAll = 0
  readonly #read = new Map<Section, DataView>()

  /**
   * Reads the headers. The caller closes it.
   *
   * @throws BpfError ENOENT, EACCES; ElfError for what is no such binary.
   */
  constructor(path: string, doing: string) {
    this.path = path
    this.#fd = open(path, doing)
    try {
      const status = fstatSync(this.#fd)
      if (!status.isFile()) throw new ElfError(path, 'is not a file')
      this.#size = status.size
      const header = this.#readHeader()
      this.machine = header.machine
      this.#segments = this.#readSegments(header)
      this.sections = this.#readSections(header)
      // System V ABI, chapter 4: SHN_XINDEX
      const isFarAway = header.sectionNames === SHN_XINDEX
      this.#sectionNames = isFarAway ? (this.sections[0]?.link ?? 0) : header.sectionNames
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    closeSync(this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** All sections of a name; none where the file has no section names. */
  sectionsNamed(name: string): Section[] {
    if (this.#sectionNames === 0) return []
    const names = this.#readNames(this.#sectionNames, 'section names')
    const wanted = Buffer.from(`${name}\0`, 'latin1')
    return this.sections.filter(({ name: at }) => names.subarray(at, at + wanted.length).equals(wanted))
  }

  /**
   * The bytes of a section; `what` for errors.
   *
   * @throws ElfError for a section outside of the file, and for sections that overlap so much that a small file would be
   * read thousands of times.
   */
  readSection(section: Section, what: string): DataView {
    const known = this.#read.get(section)
    if (known) return known
    this.#readInAll += section.size
    if (this.#readInAll > leastRead + timesRead * this.#size) {
      throw this.#error(
        what,
        `and what was read before have ${this.#readInAll} bytes, the file ${this.#size}`,
      )
    }
    const bytes = this.#bytes(section.offset, section.size, what)
    this.#read.set(section, bytes)
    return bytes
  }

  /** Reads a string table whole; the result gives the string at an offset in it. */
  readStrings(index: number, where: string): (offset: number) => string {
    const bytes = this.#readNames(index, where)
    const most = leastRead + timesNamed * bytes.length
    let inAll = 0
    return offset => {
      const end = bytes.indexOf(0, offset)
      if (end < 0) throw this.#error(where, `a name at ${offset} does not end`)
      inAll += end - offset
      if (inAll > most)
        throw this.#error(where, `its names overlap: they have more than ${most} bytes in all`)
      // this is quick, and right for nearly all
      const text = bytes.toString('latin1', offset, end)
      return /[\x80-\xff]/.test(text) ? bytes.toString('utf8', offset, end) : text
    }
  }

  #readNames(index: number, where: string): Buffer {
    const section = this.sections[index]
    if (section?.type !== SHT_STRTAB) throw this.#error(where, `section ${index} holds no names`)
    return Buffer.from(this.readSection(section, `names in section ${index}`).buffer)
  }

  /** Where in the file the code is that is loaded to an address; `undefined` where none of it is. */
  offsetOf(address: number): number | undefined {
    const segment = this.#segments.find(
      one => one.isCode && address >= one.address && address < one.address + one.size,
    )
    return segment && address - segment.address + segment.offset
  }

  /** The same of data, which may lie in the part of a segment that is zero at first, and not in the file. */
  dataOffsetOf(address: number): number | undefined {
    const segment = this.#segments.find(
      one => !one.isCode && address >= one.address && address < one.address + one.sizeInMemory,
    )
    return segment && address - segment.address + segment.offset
  }

  #bytes(offset: number, length: number, what: string): DataView {
    if (offset + length > this.#size)
      throw this.#error(what, `ends behind the file, which has ${this.#size} bytes`)
    if (length > longestRead) throw this.#error(what, `has ${length} bytes, more than are read`)
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      const read = readSync(this.#fd, bytes, at, length - at, offset + at)
      if (read === 0) throw this.#error(what, 'was cut off while it was read')
      at += read
    }
    return new DataView(bytes.buffer)
  }

  #readHeader(): Header {
    if (this.#size < headerSize) throw new ElfError(this.path, 'is too short for an ELF file')
    const view = this.#bytes(0, headerSize, 'header')
    if (view.getUint32(0) !== 0x7f454c46) throw new ElfError(this.path, 'is not an ELF file')
    if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
      throw this.#error('header', 'only 64-bit little-endian binaries can be read')
    }
    const type = view.getUint16(16, true)
    if (type !== ET_EXEC && type !== ET_DYN)
      throw this.#error('header', `type ${type} is no program or library`)
    const machine = view.getUint16(18, true)
    if (machine !== EM_X86_64 && machine !== EM_AARCH64) {
      throw this.#error('header', `machine ${machine} is neither x86-64 nor arm64`)
    }
    return {
      machine: machine === EM_X86_64 ? 'x86-64' : 'arm64',
      sectionNames: view.getUint16(62, true),
      segments: { offset: wide(view, 32), size: view.getUint16(54, true), count: view.getUint16(56, true) },
      sections: { offset: wide(view, 40), size: view.getUint16(58, true), count: view.getUint16(60, true) },
    }
  }

  /** Parts of the file that are loaded: Elf64_Phdr. */
  #readSegments({ segments }: Header): Segment[] {
    return this.#readTable(segments, segmentSize, 'program headers', (view, at) => ({
      type: view.getUint32(at, true),
      isCode: (view.getUint32(at + 4, true) & PF_X) !== 0,
      offset: wide(view, at + 8),
      address: wide(view, at + 16),
      size: wide(view, at + 32),
      sizeInMemory: wide(view, at + 40),
    })).filter(({ type }) => type === PT_LOAD)
  }

  /** Elf64_Shdr. A file of 0xff00 sections and more has their number in the first of them. */
  #readSections({ sections }: Header): Section[] {
    const read = (view: DataView, at: number): Section => ({
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      address: wide(view, at + 16),
      offset: wide(view, at + 24),
      size: wide(view, at + 32),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
      alignment: wide(view, at + 48),
      entrySize: wide(view, at + 56),
    })
    const isMany = sections.count === 0 && sections.offset !== 0
    const first =
      isMany && this.#readTable({ ...sections, count: 1 }, sectionSize, 'section headers', read)[0]
    const count = first ? first.size : sections.count
    return this.#readTable({ ...sections, count }, sectionSize, 'section headers', read)
  }

  #readTable<T>(
    { offset, size, count }: Table,
    expected: number,
    what: string,
    readOne: (view: DataView, at: number) => T,
  ): T[] {
    if (count === 0) return []
    if (size !== expected) throw this.#error(what, `have ${size} bytes each, expected ${expected}`)
    const view = this.#bytes(offset, count * size, what)
    return Array.from({ length: count }, (_, i) => readOne(view, i * size))
  }

  #error(what: string, problem: string): ElfError {
    return new ElfError(`${this.path}: ${what}`, problem)
  }
}

/** What of a section header is needed. */
export interface Section {
  /** Where its name is among the section names. */
  readonly name: number
  /** SHT_*. */
  readonly type: number
  /** 0 for what is not loaded. */
  readonly address: number
  readonly offset: number
  /** Bytes. */
  readonly size: number
  readonly link: number
  readonly info: number
  readonly alignment: number
  readonly entrySize: number
}

export type BinaryMachine = 'x86-64' | 'arm64'

interface Segment {
  readonly offset: number
  readonly address: number
  /** In the file. */
  readonly size: number
  readonly sizeInMemory: number
  readonly isCode: boolean
}

interface Table {
  readonly offset: number
  /** Bytes of one entry. */
  readonly size: number
  readonly count: number
}

interface Header {
  readonly machine: BinaryMachine
  /** Index of the section that has the names of all. */
  readonly sectionNames: number
  readonly segments: Table
  readonly sections: Table
}

// System V ABI, chapter 4 and 5; the psABI of each machine
const headerSize = 64
const segmentSize = 56
const sectionSize = 64
const ET_EXEC = 2
const ET_DYN = 3
const EM_X86_64 = 62
const EM_AARCH64 = 183
const PT_LOAD = 1
const PF_X = 1
const SHT_STRTAB = 3
const SHN_XINDEX = 0xffff

/** How many times the file is read in all: several tables share one of names. And what may be read of any. */
const timesRead = 8
const leastRead = 2 ** 20

/** How many times the bytes of a table its names may have: local functions of one name share one. */
const timesNamed = 32

/** A table of a hostile file may claim to be as long as the file, which may be all holes. */
const longestRead = 2 ** 30

/** A 64-bit offset, size or address; far beyond every file where it is not exact. */
function wide(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}

function open(path: string, doing: string): number {
  try {
    // opening a pipe would wait for its writer
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : (cause as Error).message
    throw new BpfError(`${doing}: ${path}: ${reason}`, { code, path, cause })
  }
}
