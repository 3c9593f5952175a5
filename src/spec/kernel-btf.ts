import { type Btf, fillSections, parseBtf, type SectionFill, type TypeId } from '../btf/index.ts'
import type { ElfFile } from '../elf/index.ts'
import type { PlacedSection } from './placement.ts'

/**
 * The object's BTF as the kernel wants it: data sections filled in, and functions that are hidden outside of the object
 * made static, so that the verifier checks them where they are called and not for all possible arguments.
 */
export function kernelBtf(elf: ElfFile, btf: Btf, sections: Iterable<PlacedSection>): Btf {
  const fills = new Map<TypeId, SectionFill>()
  for (const { section, datasec, variables } of sections) {
    fills.set(datasec.id, { size: section.size, offsets: variables.map(({ offset }) => offset) })
  }
  const bytes = fillSections(btf, fills)
  hideFunctions(elf, btf, bytes)
  return parseBtf(bytes)
}

const BTF_FUNC_STATIC = 0

/** A FUNC keeps its linkage where other kinds count their members, in the low half of the second word (linux/btf.h). */
function hideFunctions(elf: ElfFile, btf: Btf, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 1; i < elf.symbolCount; i++) {
    const symbol = elf.symbol(i)
    if (symbol.kind !== 'func' || symbol.binding === 'local') continue
    if (symbol.visibility !== 'hidden' && symbol.visibility !== 'internal') continue
    const fn = btf.find(symbol.name, 'func')
    if (!fn) continue
    const at = btf.records.offsetInBlob(fn.id) + 4
    view.setUint32(
      at,
      (view.getUint32(at, btf.littleEndian) & 0xffff0000) | BTF_FUNC_STATIC,
      btf.littleEndian,
    )
  }
}
