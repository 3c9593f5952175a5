import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type Btf, readBtf } from '../btf/index.ts'
import { BpfError, BtfError } from '../errors.ts'
import { type ByteRange, createScannerFrom } from '../parser/index.ts'

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
    // straight into the scanner's memory: no second copy is made
    const scanner = createScannerFrom(length, memory => readInto(fd, memory, offset), { hasOnlyTypes: true })
    return readBtf(scanner, { offset: 0, length }, { where: path })
  } finally {
    closeSync(fd)
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    // Node's own errors carry a code
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    const reason = code === 'ENOENT' ? 'there is no such file' : (cause as Error).message
    throw new BpfError(`reading the types in '${path}': ${reason}`, { code, path, cause })
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

function rangeOfBtf(fd: number, path: string): ByteRange {
  const { size } = fstatSync(fd)
  const header = read(fd, 0, Math.min(elfHeaderSize, size))
  if (size < elfHeaderSize || header.getUint32(0) !== elfMagic) return { offset: 0, length: size }
  if (header.getUint8(4) !== 2) throw new BtfError(path, 'is a 32-bit ELF file; only 64-bit ones can be read')
  const little = header.getUint8(5) === 1
  const count = header.getUint16(60, little)
  const at = Number(header.getBigUint64(40, little))
  const section = (i: number): ByteRange & { name: number } => {
    const view = read(fd, at + i * sectionHeaderSize, sectionHeaderSize)
    return {
      name: view.getUint32(0, little),
      offset: Number(view.getBigUint64(24, little)),
      length: Number(view.getBigUint64(32, little)),
    }
  }
  const names = section(header.getUint16(62, little))
  const wanted = '.BTF\0'
  for (let i = 1; i < count; i++) {
    const { name, offset, length } = section(i)
    if (name + wanted.length > names.length) continue
    const text = read(fd, names.offset + name, wanted.length)
    const isWanted = [...wanted].every((letter, j) => text.getUint8(j) === letter.charCodeAt(0))
    if (isWanted && offset + length <= size) return { offset, length }
  }
  throw new BtfError(path, 'is an ELF file without a .BTF section', {
    hint: 'pahole -J adds one to a kernel that has DWARF',
  })
}

/** Zeros stand for what lies behind the end of the file. */
function read(fd: number, offset: number, length: number): DataView {
  const bytes = new Uint8Array(length)
  readInto(fd, bytes, offset)
  return new DataView(bytes.buffer)
}
