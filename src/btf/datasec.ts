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
    const { variables, order } = placed(btf, id, fill)
    view.setUint32(at + 8, fill.size, btf.littleEndian)
    for (const [i, index] of order.entries()) {
      const entryAt = at + 12 + 12 * i
      view.setUint32(entryAt, variables[index]!.type, btf.littleEndian)
      view.setUint32(entryAt + 4, fill.offsets[index]!, btf.littleEndian)
      view.setUint32(entryAt + 8, variables[index]!.size, btf.littleEndian)
    }
  }
  return bytes
}

/** The variables of a section, and their indexes in the order of where they lie. */
function placed(
  btf: Btf,
  id: TypeId,
  { size, offsets }: SectionFill,
): { readonly variables: readonly BtfSectionVar[]; readonly order: Uint32Array } {
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
  const order = Uint32Array.from(offsets.keys())
  if (!isAscending(offsets)) order.sort((a, b) => offsets[a]! - offsets[b]! || a - b)
  let end = 0
  for (const index of order) {
    const start = offsets[index]!
    const before = end
    end = start + variables[index]!.size
    if (start >= before && end <= size) continue
    const { type, size: length } = variables[index]!
    const what = `'${btf.nameOf(type)}' at ${start} with ${length} bytes`
    const problem =
      start < before ? `overlaps what ends at ${before}` : `leaves section ${name} of ${size} bytes`
    throw new BtfError(`${where}/variable[${index}]`, `${what} ${problem}`)
  }
  return { variables, order }
}

/** As compilers mostly write them. */
function isAscending(offsets: readonly number[]): boolean {
  for (let i = 1; i < offsets.length; i++) if (offsets[i]! < offsets[i - 1]!) return false
  return true
}
