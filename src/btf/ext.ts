import { BtfError } from '../errors.ts'
import type { ByteRange } from '../parser/index.ts'
import { viewOf } from '../parser/view.ts'
import type { Btf } from './btf.ts'
import { readExtHeader } from './header.ts'
import { oneOf, type TypeId } from './types.ts'

/**
 * What a CO-RE relocation asks for, by its number (include/uapi/linux/bpf.h, enum bpf_core_relo_kind): `coreKinds[0]`
 * is `'field_byte_offset'`. The `local` kinds are about the program's own types.
 */
export const coreKinds = [
  'field_byte_offset',
  'field_byte_size',
  'field_exists',
  'field_signed',
  'field_lshift_u64',
  'field_rshift_u64',
  'type_id_local',
  'type_id_target',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const

export type CoreKind = (typeof coreKinds)[number]

/** An instruction whose number depends on the types of the kernel that runs it. */
export interface CoreRelocation {
  /** Of the instruction, in bytes from the start of its section. */
  readonly offset: number
  /** The type as the program knows it. */
  readonly type: TypeId
  /** What is accessed, as indexes and member numbers: `0:1:2`; for an enumerator its index. */
  readonly access: string
  readonly kind: CoreKind
}

/**
 * The records of `.BTF.ext` by the name of the section with the instructions. Functions and lines are rows of a table
 * as `BPF_PROG_LOAD` takes them, but for the first number, which is in bytes here and in instructions there:
 */
export interface BtfExt {
  /** Rows of 2: offset of the first instruction in bytes, id of the BTF_KIND_FUNC (struct bpf_func_info). */
  readonly functions: ReadonlyMap<string, Uint32Array>
  /**
   * Rows of 4: offset of the instruction in bytes, the file's name and the source line as offsets for
   * {@link Btf.string}, and line number << 10 | column (struct bpf_line_info).
   */
  readonly lines: ReadonlyMap<string, Uint32Array>
  readonly coreRelocations: ReadonlyMap<string, readonly CoreRelocation[]>
}

export const functionRow = 2
export const lineRow = 4
const relocationRow = 4

export interface ParseBtfExtOptions {
  /** How errors name the section; default `.BTF.ext`. */
  readonly where?: string
}

/**
 * Reads the contents of a `.BTF.ext` section that belongs to `btf`. Records longer than known are taken, what is behind
 * the known part is left out. Whether the instructions are there is for those to check who know the sections.
 *
 * @throws BtfError when the header, a section of records or a record is malformed.
 */
export function parseBtfExt(bytes: Uint8Array, btf: Btf, options: ParseBtfExtOptions = {}): BtfExt {
  const where = options.where ?? '.BTF.ext'
  const { littleEndian, functions, lines, relocations } = readExtHeader(bytes, where)
  if (littleEndian !== btf.littleEndian) {
    throw new BtfError(`${where}/header/magic`, 'is of the other byte order than the BTF that it belongs to')
  }
  const reader = {
    bytes,
    view: viewOf(bytes),
    littleEndian,
    btf,
  }
  const read = <T>(name: string, range: ByteRange, words: number, take: Take<T>): Map<string, T> =>
    readTable({ ...reader, where: `${where}/${name}`, range, words }, take)
  return {
    functions: read('func_info', functions, functionRow, takeFunctions),
    lines: read('line_info', lines, lineRow, takeLines),
    coreRelocations: read('core_relo', relocations, relocationRow, takeRelocations),
  }
}

/** One of the three tables of records. */
interface Table {
  readonly view: DataView
  readonly littleEndian: boolean
  readonly btf: Btf
  readonly where: string
  readonly range: ByteRange
  /** 32-bit numbers that are known of a record. */
  readonly words: number
}

/** Makes what is kept of the rows of one section; `where` is the section's place. */
type Take<T> = (rows: Uint32Array, btf: Btf, where: string) => T

/** A size for all records, then for each section its name, a count and so many records. */
function readTable<T>(table: Table, take: Take<T>): Map<string, T> {
  const { range, where, words } = table
  const result = new Map<string, T>()
  if (range.length === 0) return result
  const end = range.offset + range.length
  if (range.length < 4) {
    throw new BtfError(where, `${range.length} bytes are too few for the size of a record`)
  }
  const recordSize = u32(table, range.offset)
  if (recordSize < 4 * words || recordSize % 4 !== 0) {
    throw new BtfError(
      where,
      `records of ${recordSize} bytes; expected a multiple of 4, and ${4 * words} at least`,
    )
  }
  let at = range.offset + 4
  if (at === end) throw new BtfError(where, 'has the size of a record but no section')
  for (let index = 0; at < end; index++) {
    const part = `${where}/section[${index}]`
    const { name, count } = readSectionHead(table, at, end, part)
    at += 8
    if (count * recordSize > end - at) {
      throw new BtfError(
        part,
        `${count} records of ${recordSize} bytes are more than the ${end - at} bytes left`,
      )
    }
    if (result.has(name)) throw new BtfError(part, `section ${name} was there already`)
    result.set(name, take(readRows(table, at, count, recordSize), table.btf, part))
    at += count * recordSize
  }
  return result
}

function readSectionHead(
  table: Table,
  at: number,
  end: number,
  part: string,
): { name: string; count: number } {
  if (end - at < 8) throw new BtfError(part, `${end - at} bytes are too few for a name and a count`)
  const nameAt = u32(table, at)
  checkText(table.btf, nameAt, part, 'section name')
  const name = table.btf.records.text(nameAt)
  if (name === '') throw new BtfError(part, 'has no name')
  const count = u32(table, at + 4)
  if (count === 0) throw new BtfError(part, `section ${name} has no records`)
  return { name, count }
}

function readRows(table: Table, start: number, count: number, recordSize: number): Uint32Array {
  const { words, view, littleEndian } = table
  const rows = new Uint32Array(count * words)
  if (littleEndian && hostIsLittle && recordSize === 4 * words) {
    new Uint8Array(rows.buffer).set(new Uint8Array(view.buffer, view.byteOffset + start, rows.byteLength))
    return rows
  }
  for (let i = 0, row = 0; i < count; i++) {
    const at = start + i * recordSize
    for (let word = 0; word < words; word++) rows[row++] = u32(table, at + 4 * word)
  }
  return rows
}

const hostIsLittle = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ Uint16Array.of(1).buffer)[0] === 1

function u32({ view, littleEndian }: Table, at: number): number {
  return view.getUint32(at, littleEndian)
}

// a tool of a hundred programs has tens of thousands of lines: no text is made for a record that nothing is wrong with

function takeFunctions(rows: Uint32Array, btf: Btf, where: string): Uint32Array {
  for (let i = 0; i < rows.length; i += functionRow) {
    const type = rows[i + 1]!
    if (!isInstruction(rows[i]!)) refuseInstruction(rows, i, functionRow, where)
    if (!hasType(btf, type)) refuseType(btf, rows, i, functionRow, where)
    if (btf.kindOf(type) !== 'func') {
      const part = recordPlace(where, i, functionRow)
      throw new BtfError(part, `type ${type} is ${oneOf(btf.kindOf(type))}, not a func`)
    }
  }
  return rows
}

function takeLines(rows: Uint32Array, btf: Btf, where: string): Uint32Array {
  const { stringsLength } = btf.records
  for (let i = 0; i < rows.length; i += lineRow) {
    if (!isInstruction(rows[i]!)) refuseInstruction(rows, i, lineRow, where)
    if (rows[i + 1]! < stringsLength && rows[i + 2]! < stringsLength) continue
    const part = recordPlace(where, i, lineRow)
    checkText(btf, rows[i + 1]!, part, 'file name')
    checkText(btf, rows[i + 2]!, part, 'source line')
  }
  return rows
}

function takeRelocations(rows: Uint32Array, btf: Btf, where: string): readonly CoreRelocation[] {
  const relocations: CoreRelocation[] = []
  // the same few accesses again and again, each as one string
  const accesses = new Map<number, string>()
  for (let i = 0; i < rows.length; i += relocationRow) {
    const offset = rows[i]!
    const type = rows[i + 1]!
    const access = rows[i + 2]!
    const kind = coreKinds[rows[i + 3]!]
    if (!isInstruction(offset)) refuseInstruction(rows, i, relocationRow, where)
    if (!hasType(btf, type)) refuseType(btf, rows, i, relocationRow, where)
    if (!btf.records.hasText(access)) {
      checkText(btf, access, recordPlace(where, i, relocationRow), 'access string')
    }
    if (kind === undefined) {
      const part = recordPlace(where, i, relocationRow)
      throw new BtfError(part, `is of kind ${rows[i + 3]}; known are 0 to ${coreKinds.length - 1}`)
    }
    let text = accesses.get(access)
    if (text === undefined) accesses.set(access, (text = btf.records.text(access)))
    relocations.push({ offset, type, access: text, kind })
  }
  return relocations
}

/** How errors name the record that starts with word `i` of its table. */
function recordPlace(where: string, i: number, row: number): string {
  return `${where}/record[${i / row}]`
}

/** Instructions are 8 bytes long. */
function isInstruction(offset: number): boolean {
  return offset % 8 === 0
}

function refuseInstruction(rows: Uint32Array, i: number, row: number, where: string): never {
  const part = recordPlace(where, i, row)
  throw new BtfError(part, `instruction offset ${rows[i]} is not a multiple of 8`)
}

function hasType(btf: Btf, type: TypeId): boolean {
  return type > 0 && type <= btf.count
}

function refuseType(btf: Btf, rows: Uint32Array, i: number, row: number, where: string): never {
  const part = recordPlace(where, i, row)
  throw new BtfError(part, `refers to type ${rows[i + 1]}; the ids are 1 to ${btf.count}`)
}

function checkText(btf: Btf, offset: number, where: string, what: string): void {
  if (btf.records.hasText(offset)) return
  const length = btf.records.stringsLength
  throw new BtfError(where, `has its ${what} at ${offset}, outside the ${length} bytes of strings`)
}
