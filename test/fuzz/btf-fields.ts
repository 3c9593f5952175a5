import { type Part, PartReader, type Role } from './fields.ts'

/** Words behind the head of a type, by kind number: always, and for each of its entries (include/uapi/linux/btf.h). */
const fixedWords: Readonly<Record<number, readonly Role[]>> = {
  1: ['value'],
  3: ['type', 'type', 'count'],
  14: ['value'],
  17: ['value'],
}
const entryWords: Readonly<Record<number, readonly Role[]>> = {
  4: ['name', 'type', 'offset'],
  5: ['name', 'type', 'offset'],
  6: ['name', 'value'],
  13: ['name', 'type'],
  15: ['type', 'offset', 'size'],
  19: ['name', 'value', 'value'],
}
/** Kinds whose third word is a size; in all others it is a type. */
const sized: ReadonlySet<number> = new Set([1, 4, 5, 6, 15, 16, 19])

/** The fields of a sound BTF blob that lies in a document from `start` on. */
export function btfParts(document: Uint8Array, start: number, length: number): Part[] {
  if (length < 24) return []
  const littleEndian = document[start] === 0x9f
  const header = new PartReader(document, littleEndian)
  header.add(start, [0, 2, 'value'], [2, 1, 'value'], [3, 1, 'value'], [4, 4, 'size'])
  header.add(start, [8, 4, 'offset'], [12, 4, 'size'], [16, 4, 'offset'], [20, 4, 'size'])
  const types = new PartReader(document, littleEndian)
  const end = start + types.u32(start + 4) + types.u32(start + 8) + types.u32(start + 12)
  for (let at = start + types.u32(start + 4) + types.u32(start + 8); at + 12 <= end; ) {
    at += addType(types, at, littleEndian)
  }
  return [header.fields, types.fields]
}

/** -> bytes of the record */
function addType(types: PartReader, at: number, littleEndian: boolean): number {
  const info = types.u32(at + 4)
  const kind = (info >>> 24) & 0x1f
  const [countAt, kindAt] = littleEndian ? [4, 7] : [6, 4]
  types.add(at, [0, 4, 'name'], [countAt, 2, 'count'], [kindAt, 1, 'kind'])
  types.add(at, [8, 4, sized.has(kind) ? 'size' : 'type'])
  let next = 12
  const word = (role: Role): void => {
    types.add(at, [next, 4, role])
    next += 4
  }
  for (const role of fixedWords[kind] ?? []) word(role)
  const entry = entryWords[kind]
  if (entry) for (let i = 0; i < (info & 0xffff); i++) for (const role of entry) word(role)
  return next
}

/** Words of a record of each table of `.BTF.ext` (include/uapi/linux/bpf.h: bpf_func_info, bpf_line_info, bpf_core_relo). */
const extRecords: readonly (readonly Role[])[] = [
  ['offset', 'type'],
  ['offset', 'name', 'name', 'value'],
  ['offset', 'type', 'name', 'kind'],
]

/** The fields of a sound `.BTF.ext` that lies in a document from `start` on. */
export function extParts(document: Uint8Array, start: number, length: number): Part[] {
  if (length < 24) return []
  const littleEndian = document[start] === 0x9f
  const header = new PartReader(document, littleEndian)
  header.add(start, [0, 2, 'value'], [2, 1, 'value'], [3, 1, 'value'], [4, 4, 'size'])
  const headerLength = header.u32(start + 4)
  const parts: Part[] = [header.fields]
  for (const [i, record] of extRecords.entries()) {
    const place = start + 8 + 8 * i
    if (8 + 8 * i + 8 > headerLength) break
    header.add(place, [0, 4, 'offset'], [4, 4, 'size'])
    const table = start + headerLength + header.u32(place)
    parts.push(tableFields(document, littleEndian, table, header.u32(place + 4), record))
  }
  return parts
}

function tableFields(
  document: Uint8Array,
  littleEndian: boolean,
  start: number,
  length: number,
  record: readonly Role[],
): Part {
  const table = new PartReader(document, littleEndian)
  if (length < 4) return []
  table.add(start, [0, 4, 'size'])
  const size = table.u32(start)
  for (let at = start + 4; at + 8 <= start + length; ) {
    table.add(at, [0, 4, 'name'], [4, 4, 'count'])
    const count = table.u32(at + 4)
    at += 8
    for (let i = 0; i < count; i++, at += size) {
      for (const [word, role] of record.entries()) table.add(at, [4 * word, 4, role])
    }
  }
  return table.fields
}
