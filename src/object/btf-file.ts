import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type Btf, readBtf } from '../btf/index.ts'
import { BtfError, fileError } from '../errors.ts'
import { type ByteRange, createScannerFrom } from '../parser/index.ts'
import { mapOver } from '../syscall/index.ts'

/**
 * Reads the types in a file: one that is all BTF, as /sys/kernel/btf/vmlinux is, or the `.BTF` section of an ELF file for
 * any machine, as a vmlinux with symbols is. No more of the file than that is read.
 *
 * @throws BpfError ENOENT, EACCES, ...; BtfError for what has no types, or broken ones.
 */
export function readBtfFile(path: string): Btf {
  const fd = open(path)
  try {
    const { offset, length } = rangeOfBtf(fd, path)
    // straight into the scanner's memory: no second copy is made, and perhaps not even a first one
    let isMapped = false
    const fill = (memory: Uint8Array, isPages: boolean): void => {
      isMapped = isPages && offset === 0 && mapOver(memory, fd)
      if (!isMapped) readInto(fd, memory, offset)
    }
    const scanner = createScannerFrom(length, fill, { hasOnlyTypes: true })
    return readBtf(scanner, { offset: 0, length }, { where: path, isMapped })
  } finally {
    closeSync(fd)
  }
}

function open(path: string): number {
  try {
    // opening a pipe would wait for its writer
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw fileError(`reading the types in '${path}'`, path, cause)
  }
}

/** sysfs hands out a page at a time. */
function readInto(fd: number, memory: Uint8Array, offset: number): void {
  for (let at = 0; at < memory.length; ) {
    const read = readSync(fd, memory, at, memory.length - at, offset + at)
    if (read === 0) break
    at += read
  }
}

const elfMagic = 0x7f454c46
const elfHeaderSize = 64
const sectionHeaderSize = 64

/** Twenty times the types of any kernel: more is a file of something else, which may be all holes. */
const longest = 2 ** 28

function rangeOfBtf(fd: number, path: string): ByteRange {
  const status = fstatSync(fd)
  if (!status.isFile()) throw new BtfError(path, 'is not a file')
  const file = { fd, size: status.size }
  const header = read(file, 0, elfHeaderSize)
  const isElf = status.size >= elfHeaderSize && header.getUint32(0) === elfMagic
  const range = isElf ? rangeInElf(file, header, path) : { offset: 0, length: status.size }
  if (range.length > longest) {
    throw new BtfError(path, `has ${range.length} bytes of types, more than the ${longest} that are read`)
  }
  return range
}

/** A file, and how many bytes it has. */
interface Readable {
  readonly fd: number
  readonly size: number
}

function rangeInElf(file: Readable, header: DataView, path: string): ByteRange {
  if (header.getUint8(4) !== 2) throw new BtfError(path, 'is a 32-bit ELF file; only 64-bit ones can be read')
  const little = header.getUint8(5) === 1
  const count = header.getUint16(60, little)
  const table = read(file, Number(header.getBigUint64(40, little)), count * sectionHeaderSize)
  const section = (i: number): ByteRange & { name: number } => {
    const at = i * sectionHeaderSize
    return {
      name: table.getUint32(at, little),
      offset: Number(table.getBigUint64(at + 24, little)),
      length: Number(table.getBigUint64(at + 32, little)),
    }
  }
  const namesIndex = header.getUint16(62, little)
  const names = namesIndex < count ? section(namesIndex) : { offset: 0, length: 0 }
  const wanted = '.BTF\0'
  for (let i = 1; i < count; i++) {
    const { name, offset, length } = section(i)
    if (name + wanted.length > names.length) continue
    const text = read(file, names.offset + name, wanted.length)
    const isWanted = [...wanted].every((letter, j) => text.getUint8(j) === letter.charCodeAt(0))
    if (isWanted && offset + length <= file.size) return { offset, length }
  }
  throw new BtfError(path, 'is an ELF file without a .BTF section', {
    hint: 'pahole -J adds one to a kernel that has DWARF',
  })
}

/** Zeros stand for what lies behind the end of the file. */
function read({ fd, size }: Readable, offset: number, length: number): DataView {
  const bytes = new Uint8Array(length)
  // an offset in a file may say anything, also what is no position
  if (offset < size) readInto(fd, bytes, offset)
  return new DataView(bytes.buffer)
}
