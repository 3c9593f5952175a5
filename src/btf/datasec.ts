import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import { oneOf, type TypeId } from './types.ts'

/** What the ELF file knows about a data section. */
export interface SectionFill {
  /** Bytes of the ELF section. */
  readonly size: number
  /** Where the variables start, in bytes from the start of the section, in the order of {@link BtfDatasec.variables}. */
  readonly offsets: readonly number[]
}

/**
 * The blob with sizes and offsets of its data sections filled in, for `BPF_BTF_LOAD` and for decoding whole sections:
 * the compiler leaves both at 0, since it does not know where the linker puts things. Entries are put in the order of
 * their offsets, which is the order that the kernel wants (kernel/bpf/btf.c, btf_datasec_check_meta). Everything else
 * stays as it is, ids and byte order too.
 *
 * @param sections - By the id of the DATASEC; others are not touched.
 * @returns A copy.
 * @throws BtfError when there are not as many offsets as variables, or a variable leaves the section or overlaps
 * another.
 */
export function fillSections(btf: Btf, sections: ReadonlyMap<TypeId, SectionFill>): Uint8Array {
  const bytes = new Uint8Array(btf.bytes)
  const view = new DataView(bytes.buffer)
  for (const [id, fill] of sections) {
    const at = btf.records.offsetInBlob(id)
    const order = placed(btf, id, fill)
    view.setUint32(at + 8, fill.size, btf.littleEndian)
    for (let i = 0; i < order.length; i++) {
      const index = order[i]!
      const entryAt = at + 12 + 12 * i
      view.setUint32(entryAt, btf.records.word(id, 3 + 3 * index), btf.littleEndian)
      view.setUint32(entryAt + 4, fill.offsets[index]!, btf.littleEndian)
      view.setUint32(entryAt + 8, sizeOf(btf, id, index), btf.littleEndian)
    }
  }
  return bytes
}

/** The indexes of a section's variables in the order of where they lie. There are thousands: no object is made of any. */
function placed(btf: Btf, id: TypeId, { size, offsets }: SectionFill): Uint32Array {
  const { records } = btf
  const where = records.place(id)
  const kind = records.kind(id)
  if (kind !== 'datasec') throw new BtfError(where, `is ${oneOf(kind)}, not a datasec`)
  btf.checkOne(id)
  const name = records.name(id)
  const count = records.vlen(id)
  if (offsets.length !== count) {
    throw new BtfError(
      where,
      `section ${name} has ${count} variables, but ${offsets.length} offsets are given`,
    )
  }
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  if (!isAscending(offsets)) order.sort((a, b) => offsets[a]! - offsets[b]! || a - b)
  let end = 0
  for (let i = 0; i < count; i++) {
    const index = order[i]!
    const start = offsets[index]!
    const before = end
    const length = sizeOf(btf, id, index)
    end = start + length
    if (start >= before && end <= size) continue
    const what = `'${btf.nameOf(records.word(id, 3 + 3 * index))}' at ${start} with ${length} bytes`
    const problem =
      start < before ? `overlaps what ends at ${before}` : `leaves section ${name} of ${size} bytes`
    throw new BtfError(`${where}/variable[${index}]`, `${what} ${problem}`)
  }
  return order
}

/** Bytes of one variable (struct btf_var_secinfo: type, offset, size). */
function sizeOf({ records }: Btf, id: TypeId, index: number): number {
  return records.word(id, 5 + 3 * index)
}

/** As compilers mostly write them. */
function isAscending(offsets: readonly number[]): boolean {
  for (let i = 1; i < offsets.length; i++) if (offsets[i]! < offsets[i - 1]!) return false
  return true
}
