import { BtfError } from '../errors.ts'
import { type ByteRange, readBtfExtHeader, readBtfExtRelocations, readBtfHeader } from '../parser/index.ts'
import { viewOf } from '../parser/view.ts'

/** struct btf_header and struct btf_ext_header begin alike (include/uapi/linux/btf.h, tools/lib/bpf/libbpf_internal.h). */
interface Preamble {
  readonly magic: number
  readonly version: number
  readonly flags: number
  readonly headerLength: number
}

const magic = 0xeb9f
const blobHeaderSize = 24
const extHeaderSize = 24
/** With core_relo_off and core_relo_len, which came later. */
const extHeaderSizeWithRelocations = 32

/** The byte order and the two sections of a BTF blob. */
export interface BlobParts {
  readonly littleEndian: boolean
  readonly types: ByteRange
  readonly strings: ByteRange
}

/** The byte order and the three sections of `.BTF.ext`; a section that is not there has length 0. */
export interface ExtParts {
  readonly littleEndian: boolean
  readonly functions: ByteRange
  readonly lines: ByteRange
  readonly relocations: ByteRange
}

/**
 * Reads and checks the header of a BTF blob. Ranges count from the start of `bytes`.
 *
 * @param split - The blob stands on a base, whose strings it may use: its own string section may be empty.
 */
export function readBlobHeader(bytes: Uint8Array, where: string, split: boolean): BlobParts {
  const littleEndian = checkMagic(bytes, where, blobHeaderSize)
  const header = readBtfHeader(viewOf(bytes), 0, littleEndian)
  checkPreamble(header, bytes, where, blobHeaderSize)
  const types = sectionAt(header, header.typesOffset, header.typesLength, bytes, `${where}/types`)
  const strings = sectionAt(header, header.stringsOffset, header.stringsLength, bytes, `${where}/strings`)
  if (types.offset % 4 !== 0) {
    throw new BtfError(`${where}/types`, `starts at byte ${types.offset}, which is not a multiple of 4`)
  }
  checkApart(types, strings, where)
  checkStrings(bytes, strings, where, split)
  return { littleEndian, types, strings }
}

/** Reads and checks the header of `.BTF.ext`. Ranges count from the start of `bytes`. */
export function readExtHeader(bytes: Uint8Array, where: string): ExtParts {
  const littleEndian = checkMagic(bytes, where, extHeaderSize)
  const view = viewOf(bytes)
  const header = readBtfExtHeader(view, 0, littleEndian)
  checkPreamble(header, bytes, where, extHeaderSize)
  const { relocationsOffset, relocationsLength } =
    header.headerLength >= extHeaderSizeWithRelocations
      ? readBtfExtRelocations(view, extHeaderSize, littleEndian)
      : { relocationsOffset: 0, relocationsLength: 0 }
  const section = (offset: number, length: number, name: string): ByteRange => {
    const range = sectionAt(header, offset, length, bytes, `${where}/${name}`)
    if (length > 0 && range.offset % 4 !== 0) {
      throw new BtfError(`${where}/${name}`, `starts at byte ${range.offset}, which is not a multiple of 4`)
    }
    return range
  }
  return {
    littleEndian,
    functions: section(header.functionsOffset, header.functionsLength, 'func_info'),
    lines: section(header.linesOffset, header.linesLength, 'line_info'),
    relocations: section(relocationsOffset, relocationsLength, 'core_relo'),
  }
}

/** The byte order, told by the magic, once the header is known to be there. */
function checkMagic(bytes: Uint8Array, where: string, size: number): boolean {
  const [first, second] = bytes
  if (first === undefined || second === undefined) {
    throw new BtfError(`${where}/header`, `${bytes.length} bytes are too few for a header`)
  }
  const littleEndian = first === (magic & 0xff) && second === magic >> 8
  if (!littleEndian && (first !== magic >> 8 || second !== (magic & 0xff))) {
    throw new BtfError(
      `${where}/header/magic`,
      `is bytes ${hexByte(first)} ${hexByte(second)}, not BTF's 0xeb9f in either byte order`,
    )
  }
  if (bytes.length < size) {
    throw new BtfError(`${where}/header`, `${bytes.length} bytes are too few for a header of ${size}`)
  }
  return littleEndian
}

function checkPreamble(header: Preamble, bytes: Uint8Array, where: string, size: number): void {
  if (header.version !== 1) {
    throw new BtfError(`${where}/header/version`, `is ${header.version}; only version 1 is known`)
  }
  if (header.flags !== 0) {
    throw new BtfError(`${where}/header/flags`, `is 0x${header.flags.toString(16)}; no flag is known`)
  }
  // a longer header is a newer one; what it adds is not needed to read the types
  if (header.headerLength < size) {
    throw new BtfError(
      `${where}/header/hdr_len`,
      `is ${header.headerLength}, less than the ${size} bytes needed`,
    )
  }
  if (header.headerLength > bytes.length) {
    throw new BtfError(
      `${where}/header/hdr_len`,
      `is ${header.headerLength}, more than the ${bytes.length} bytes there are`,
    )
  }
}

/** Section offsets count from the end of the header. */
function sectionAt(
  header: Preamble,
  offset: number,
  length: number,
  bytes: Uint8Array,
  where: string,
): ByteRange {
  const start = header.headerLength + offset
  if (length === 0) return { offset: Math.min(start, bytes.length), length }
  if (start + length > bytes.length) {
    throw new BtfError(where, `ends at byte ${start + length}, outside the ${bytes.length} bytes there are`)
  }
  return { offset: start, length }
}

function checkApart(types: ByteRange, strings: ByteRange, where: string): void {
  if (types.length === 0 || strings.length === 0) return
  if (types.offset + types.length <= strings.offset || strings.offset + strings.length <= types.offset) return
  throw new BtfError(`${where}/strings`, 'overlaps the type section')
}

function checkStrings(bytes: Uint8Array, strings: ByteRange, where: string, split: boolean): void {
  if (strings.length === 0) {
    if (split) return
    throw new BtfError(`${where}/strings`, 'is empty; it must hold the empty name at least')
  }
  if (!split && bytes[strings.offset] !== 0) {
    throw new BtfError(`${where}/strings`, 'does not start with a NUL, the empty name')
  }
  if (bytes[strings.offset + strings.length - 1] !== 0) {
    throw new BtfError(`${where}/strings`, 'does not end with a NUL')
  }
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
