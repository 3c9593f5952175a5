/** Bytes that are to be written into a file, and where. */
export interface Patch {
  readonly offset: number
  readonly bytes: Uint8Array
}

const PT_LOAD = 1
const PT_NOTE = 4
const PT_PHDR = 6
const PF_R = 4
const headerSize = 64
const programHeaderSize = 56
/** As much as any kernel's pages have: 64 KiB on some for arm64. */
const alignment = 0x1_0000

/**
 * What makes a program carry a resource that it finds in its own memory: a note in a segment of its own at the end of the
 * file. The program headers, of which there are two more, go there, too. Everything else stays where it is.
 *
 * @param file a program of 64 bits, little-endian: at least its headers
 * @param length of the whole file
 * @returns undefined where the file is no such program
 */
export function resourcePatches(
  file: Uint8Array,
  length: number,
  name: string,
  resource: Uint8Array,
): Patch[] | undefined {
  if (file.length < headerSize || file[0] !== 0x7f || file[4] !== 2 || file[5] !== 1) return undefined
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const [at, size, count] = [get64(view, 32), view.getUint16(54, true), view.getUint16(56, true)]
  if (size !== programHeaderSize || at + count * size > file.length) return undefined
  const old = Array.from(
    { length: count },
    (_, i) => new DataView(file.buffer, file.byteOffset + at + i * size, size),
  )
  const loaded = old.filter(header => header.getUint32(0, true) === PT_LOAD)
  const [first] = loaded
  if (!first) return undefined

  // One distance between addresses and offsets for the headers as for the first segment: kernels before 5.18 tell the program
  // where its headers are by that (fs/binfmt_elf.c: create_elf_tables, e_phoff + load_addr).
  const distance = get64(first, 16) - get64(first, 8)
  const end = Math.max(...loaded.map(header => get64(header, 16) + get64(header, 40)))
  const offset = Math.ceil(Math.max(length, end - distance) / alignment) * alignment
  const address = offset + distance

  const table = new Uint8Array((count + 2) * size)
  const note = noteOf(name, resource)
  const headers = old.map(header => new Uint8Array(header.buffer, header.byteOffset, size).slice())
  for (const header of headers) {
    if (new DataView(header.buffer).getUint32(0, true) !== PT_PHDR) continue
    setPlace(new DataView(header.buffer), offset, address, table.length)
  }
  const segment = programHeader(PT_LOAD, offset, address, table.length + note.length, alignment)
  const inNote = programHeader(PT_NOTE, offset + table.length, address + table.length, note.length, 4)
  for (const [i, header] of [...headers, segment, inNote].entries()) table.set(header, i * size)

  const head = file.slice(0, headerSize)
  const headView = new DataView(head.buffer)
  headView.setBigUint64(32, BigInt(offset), true)
  headView.setUint16(56, count + 2, true)
  return [
    { offset: 0, bytes: head },
    { offset, bytes: table },
    { offset: offset + table.length, bytes: note },
  ]
}

/** A note with the resource as its contents (elf(5), Elf64_Nhdr). */
function noteOf(name: string, resource: Uint8Array): Uint8Array {
  const nameLength = name.length + 1
  const start = 12 + aligned(nameLength)
  const note = new Uint8Array(start + aligned(resource.length))
  const view = new DataView(note.buffer)
  view.setUint32(0, nameLength, true)
  view.setUint32(4, resource.length, true)
  note.set(new TextEncoder().encode(name), 12)
  note.set(resource, start)
  return note
}

function aligned(length: number): number {
  return (length + 3) & ~3
}

function programHeader(
  type: number,
  offset: number,
  address: number,
  size: number,
  align: number,
): Uint8Array {
  const header = new Uint8Array(programHeaderSize)
  const view = new DataView(header.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, PF_R, true)
  setPlace(view, offset, address, size)
  view.setBigUint64(48, BigInt(align), true)
  return header
}

function setPlace(header: DataView, offset: number, address: number, size: number): void {
  for (const [at, value] of [
    [8, offset],
    [16, address],
    [24, address],
    [32, size],
    [40, size],
  ] as const) {
    header.setBigUint64(at, BigInt(value), true)
  }
}

function get64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}
