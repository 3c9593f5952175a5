import { Parser } from 'binary-parser'
import { ElfError } from '../errors.ts'
import { perByteOrder } from '../parser/index.ts'

/** What of Elf64_Ehdr a loader needs, checked. */
export interface FileHeader {
  readonly littleEndian: boolean
  readonly machine: number
  readonly flags: number
  /** Where the section headers start, in bytes, and how many there are; all lie inside the file. */
  readonly sectionsOffset: number
  readonly sectionCount: number
  /** Index of the section that holds the names of sections. */
  readonly namesIndex: number
}

/** Elf64_Shdr, its 64-bit fields as numbers. */
export interface SectionHeader {
  /** Offset in the section name table. */
  readonly name: number
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly size: number
  readonly link: number
  readonly info: number
  readonly align: number
  readonly entrySize: number
}

const fileHeaderSize = 64
const sectionHeaderSize = 64

const machineBpf = 247
const relocatable = 1
/** Section indexes from here on have special meanings; a file with more sections keeps their number elsewhere. */
const firstReserved = 0xff00
const extendedIndex = 0xffff

/**
 * Checks the 16 bytes that say how to read the rest, and that the header is there. They are the first check of all:
 * it costs nothing to find that a file is something else.
 */
export function readByteOrder(bytes: Uint8Array): boolean {
  const [a, b, c, d, elfClass, order, version] = bytes
  if (a !== 0x7f || b !== 0x45 || c !== 0x4c || d !== 0x46) {
    const start = Array.from(bytes.subarray(0, 4), byte => byte.toString(16).padStart(2, '0')).join(' ')
    throw new ElfError(
      'ELF header/magic',
      `not an ELF file: it starts with ${start || 'nothing'}, not 7f 45 4c 46`,
    )
  }
  if (bytes.length < fileHeaderSize) {
    throw new ElfError('ELF header', `${bytes.length} bytes are too few for a header of ${fileHeaderSize}`)
  }
  if (elfClass !== 2) {
    const found = elfClass === 1 ? '1, a 32-bit file' : `${elfClass}`
    throw new ElfError('ELF header/EI_CLASS', `is ${found}; BPF objects are 64-bit (2)`)
  }
  if (order !== 1 && order !== 2) {
    throw new ElfError('ELF header/EI_DATA', `is ${order}, neither 1 (little-endian) nor 2 (big-endian)`)
  }
  if (version !== 1) throw new ElfError('ELF header/EI_VERSION', `is ${version}; only version 1 is known`)
  return order === 1
}

export function readFileHeader(bytes: Uint8Array, littleEndian: boolean): FileHeader {
  const header = fileHeader(littleEndian).parse(bytes)
  if (header.type !== relocatable) {
    throw new ElfError(
      'ELF header/e_type',
      `is ${header.type}, not 1: only relocatable objects hold BPF programs`,
    )
  }
  if (header.machine !== machineBpf && header.machine !== 0) {
    throw new ElfError(
      'ELF header/e_machine',
      `is ${header.machine}, not ${machineBpf} (BPF); compile with -target bpf`,
    )
  }
  if (header.version !== 1) {
    throw new ElfError('ELF header/e_version', `is ${header.version}; only version 1 is known`)
  }
  if (header.headerSize !== fileHeaderSize) {
    throw new ElfError('ELF header/e_ehsize', `is ${header.headerSize}, not ${fileHeaderSize}`)
  }
  const sectionsOffset = exact(header.sectionsOffset, 'ELF header/e_shoff')
  checkTable(bytes, sectionsOffset, header.sectionCount, header.sectionSize)
  checkNamesIndex(header.namesIndex, header.sectionCount)
  const { machine, flags, sectionCount, namesIndex } = header
  return { littleEndian, machine, flags, sectionsOffset, sectionCount, namesIndex }
}

function checkTable(bytes: Uint8Array, offset: number, count: number, entrySize: number): void {
  if (offset === 0) throw new ElfError('ELF header/e_shoff', 'is 0: the file has no section headers')
  if (count === 0) {
    throw new ElfError(
      'ELF header/e_shnum',
      'is 0: no sections, or extended numbering, which is not supported',
    )
  }
  if (count >= firstReserved) {
    throw new ElfError('ELF header/e_shnum', `is ${count}; numbers from ${firstReserved} on are reserved`)
  }
  if (entrySize !== sectionHeaderSize) {
    throw new ElfError('ELF header/e_shentsize', `is ${entrySize}, not ${sectionHeaderSize}`)
  }
  const end = offset + count * sectionHeaderSize
  if (end > bytes.length) {
    throw new ElfError('ELF header/e_shoff', `${count} section headers end at byte ${end} of ${bytes.length}`)
  }
}

function checkNamesIndex(index: number, count: number): void {
  if (index === 0) throw new ElfError('ELF header/e_shstrndx', 'is 0: the file has no section names')
  if (index === extendedIndex) {
    throw new ElfError('ELF header/e_shstrndx', 'is 0xffff: extended numbering is not supported')
  }
  if (index >= count) throw new ElfError('ELF header/e_shstrndx', `is ${index}; there are ${count} sections`)
}

/** Reads the section headers, a table that is known to lie inside the file. */
export function readSectionHeaders(
  bytes: Uint8Array,
  { littleEndian, sectionsOffset, sectionCount }: FileHeader,
): SectionHeader[] {
  const table = bytes.subarray(sectionsOffset, sectionsOffset + sectionCount * sectionHeaderSize)
  const { headers } = sectionHeaders(littleEndian).parse(table)
  return headers.some(hasLarge) ? headers.map(joined) : headers
}

type RawSectionHeader = SectionHeader & Readonly<Record<`${LongField}High`, number>>
type LongField = 'flags' | 'offset' | 'size' | 'align' | 'entrySize'

/** Is a 64-bit field of it more than its lower half? */
function hasLarge(raw: RawSectionHeader): boolean {
  return (raw.flagsHigh | raw.offsetHigh | raw.sizeHigh | raw.alignHigh | raw.entrySizeHigh) !== 0
}

function joined(raw: RawSectionHeader, index: number): SectionHeader {
  const field = (name: LongField, where: string): number =>
    exact((BigInt(raw[`${name}High`]) << 32n) | BigInt(raw[name]), `section[${index}]/${where}`)
  return {
    ...raw,
    flags: field('flags', 'sh_flags'),
    offset: field('offset', 'sh_offset'),
    size: field('size', 'sh_size'),
    align: field('align', 'sh_addralign'),
    entrySize: field('entrySize', 'sh_entsize'),
  }
}

/** A 64-bit field as a number, which holds whole numbers up to 2^53 only. */
function exact(value: bigint, where: string): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw new ElfError(where, `is 0x${value.toString(16)}, larger than any file`)
}

// Elf64_Ehdr and Elf64_Shdr: include/uapi/linux/elf.h
const fileHeader = perByteOrder(order =>
  new Parser()
    .endianness(order)
    .seek(16) // e_ident
    .uint16('type')
    .uint16('machine')
    .uint32('version')
    .seek(16) // e_entry, e_phoff
    .uint64('sectionsOffset')
    .uint32('flags')
    .uint16('headerSize')
    .seek(4) // e_phentsize, e_phnum
    .uint16('sectionSize')
    .uint16('sectionCount')
    .uint16('namesIndex'),
)

// the whole table at once, and 64-bit fields as halves: a call for each header and a bigint for each field took a quarter of
// the time of opening a small object
const sectionHeaders = perByteOrder(order => {
  const halves = order === 'little' ? (['', 'High'] as const) : (['High', ''] as const)
  const header = new Parser()
    .endianness(order)
    .uint32('name')
    .uint32('type')
    .uint32(`flags${halves[0]}`)
    .uint32(`flags${halves[1]}`)
    .seek(8) // sh_addr
    .uint32(`offset${halves[0]}`)
    .uint32(`offset${halves[1]}`)
    .uint32(`size${halves[0]}`)
    .uint32(`size${halves[1]}`)
    .uint32('link')
    .uint32('info')
    .uint32(`align${halves[0]}`)
    .uint32(`align${halves[1]}`)
    .uint32(`entrySize${halves[0]}`)
    .uint32(`entrySize${halves[1]}`)
  return new Parser().array('headers', { type: header, readUntil: 'eof' })
})
