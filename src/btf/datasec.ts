import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import { type BtfSectionVar, oneOf, type TypeId } from './types.ts'

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
    const entries = placedEntries(btf, id, fill)
    view.setUint32(at + 8, fill.size, btf.littleEndian)
    entries.forEach((entry, i) => {
      const entryAt = at + 12 + 12 * i
      view.setUint32(entryAt, entry.type, btf.littleEndian)
      view.setUint32(entryAt + 4, entry.offset, btf.littleEndian)
      view.setUint32(entryAt + 8, entry.size, btf.littleEndian)
    })
  }
  return bytes
}

function placedEntries(btf: Btf, id: TypeId, { size, offsets }: SectionFill): readonly BtfSectionVar[] {
  const where = btf.records.place(id)
  const datasec = btf.type(id)
  if (datasec.kind !== 'datasec') throw new BtfError(where, `is ${oneOf(datasec.kind)}, not a datasec`)
  const { name, variables } = datasec
  if (offsets.length !== variables.length) {
    throw new BtfError(
      where,
      `section ${name} has ${variables.length} variables, but ${offsets.length} offsets are given`,
    )
  }
  const entries = variables.map((variable, i) => ({ ...variable, offset: offsets[i]!, index: i }))
  entries.sort((a, b) => a.offset - b.offset)
  let end = 0
  for (const entry of entries) {
    const what = `'${btf.nameOf(entry.type)}' at ${entry.offset} with ${entry.size} bytes`
    const part = `${where}/variable[${entry.index}]`
    if (entry.offset < end) throw new BtfError(part, `${what} overlaps what ends at ${end}`)
    end = entry.offset + entry.size
    if (end > size) throw new BtfError(part, `${what} leaves section ${name} of ${size} bytes`)
  }
  return entries
}
