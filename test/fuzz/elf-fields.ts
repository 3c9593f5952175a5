import { btfParts, extParts } from './btf-fields.ts'
import { type Part, PartReader } from './fields.ts'

const SHT_PROGBITS = 1
const SHT_SYMTAB = 2
const SHT_REL = 9
const SHF_EXECINSTR = 4

interface Section {
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly size: number
}

/** The fields of a sound ELF file with BPF programs (gABI, chapter 4), part by part, with those of the BTF in it. */
export function elfParts(bytes: Uint8Array): Part[] {
  const littleEndian = bytes[5] === 1
  const header = new PartReader(bytes, littleEndian)
  header.add(0, [0, 1, 'value'], [4, 1, 'value'], [5, 1, 'value'], [6, 1, 'value'], [16, 2, 'value'])
  header.add(0, [18, 2, 'value'], [20, 4, 'value'], [40, 8, 'offset'], [48, 4, 'value'], [52, 2, 'size'])
  header.add(0, [58, 2, 'size'], [60, 2, 'count'], [62, 2, 'section'])
  const headers = new PartReader(bytes, littleEndian)
  const sections = readSections(headers, bytes)
  const parts = sections.flatMap(section => sectionParts(bytes, littleEndian, section))
  return [header.fields, headers.fields, ...parts].filter(part => part.length > 0)
}

function readSections(headers: PartReader, bytes: Uint8Array): Section[] {
  const start = headers.u64(40)
  const names = headers.u64(start + 64 * headers.u16(62) + 24)
  return Array.from({ length: headers.u16(60) }, (_, i): Section => {
    const at = start + 64 * i
    headers.add(at, [0, 4, 'name'], [4, 4, 'kind'], [8, 8, 'value'], [24, 8, 'offset'], [32, 8, 'size'])
    headers.add(at, [40, 4, 'section'], [44, 4, 'section'], [48, 8, 'value'], [56, 8, 'size'])
    const nameAt = names + headers.u32(at)
    return {
      name: Buffer.from(bytes.subarray(nameAt, bytes.indexOf(0, nameAt))).toString('latin1'),
      type: headers.u32(at + 4),
      flags: headers.u64(at + 8),
      offset: headers.u64(at + 24),
      size: headers.u64(at + 32),
    }
  })
}

function sectionParts(bytes: Uint8Array, littleEndian: boolean, section: Section): Part[] {
  const { name, type, flags, offset, size } = section
  if (name === '.BTF') return btfParts(bytes, offset, size)
  if (name === '.BTF.ext') return extParts(bytes, offset, size)
  const records = new PartReader(bytes, littleEndian)
  if (type === SHT_SYMTAB) {
    for (let at = offset; at < offset + size; at += 24) {
      records.add(at, [0, 4, 'name'], [4, 1, 'kind'], [5, 1, 'value'], [6, 2, 'section'])
      records.add(at, [8, 8, 'offset'], [16, 8, 'size'])
    }
  } else if (type === SHT_REL && !name.startsWith('.rel.debug')) {
    const [typeAt, symbolAt] = littleEndian ? ([8, 12] as const) : ([12, 8] as const)
    for (let at = offset; at < offset + size; at += 16) {
      records.add(at, [0, 8, 'offset'], [typeAt, 4, 'kind'], [symbolAt, 4, 'symbol'])
    }
  } else if (type === SHT_PROGBITS && (flags & SHF_EXECINSTR) !== 0) {
    for (let at = offset; at < offset + size; at += 8) {
      records.add(at, [0, 1, 'kind'], [1, 1, 'value'], [2, 2, 'offset'], [4, 4, 'value'])
    }
  }
  return [records.fields]
}
