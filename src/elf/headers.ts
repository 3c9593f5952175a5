import { ElfError } from '../errors.ts'
import { readElfHeader, readElfSection } from '../parser/index.ts'
import { viewOf } from '../parser/view.ts'

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
  const view = viewOf(bytes)
  const header = readElfHeader(view, 0, littleEndian)
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
  const { sectionsOffset } = header
  if (sectionsOffset > Number.MAX_SAFE_INTEGER) {
    throw tooLarge('ELF header/e_shoff', view.getBigUint64(40, littleEndian))
  }
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
  const view = viewOf(bytes)
  const headers: SectionHeader[] = []
  for (let index = 0; index < sectionCount; index++) {
    const at = sectionsOffset + index * sectionHeaderSize
    const header = readElfSection(view, at, littleEndian)
    const { flags, offset, size, align, entrySize } = header
    // where their sum is exact each of them is
    const isExact = flags + offset + size + align + entrySize <= Number.MAX_SAFE_INTEGER
    for (const [field, place, name] of isExact ? [] : wideFields) {
      if (header[field] > Number.MAX_SAFE_INTEGER) {
        throw tooLarge(`section[${index}]/${name}`, view.getBigUint64(at + place, littleEndian))
      }
    }
    headers.push(header)
  }
  return headers
}

/** The fields of 64 bits, where each is, and what it is called in elf.h. */
const wideFields = [
  ['flags', 8, 'sh_flags'],
  ['offset', 24, 'sh_offset'],
  ['size', 32, 'sh_size'],
  ['align', 48, 'sh_addralign'],
  ['entrySize', 56, 'sh_entsize'],
] as const

/** Of a 64-bit field that was read as a number, which is exact up to 2^53 only. */
function tooLarge(where: string, value: bigint): ElfError {
  return new ElfError(where, `is 0x${value.toString(16)}, larger than any file`)
}
