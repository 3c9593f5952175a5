import { type Btf, fillSections, parseBtf, type SectionFill, TypeHeads, type TypeId } from '../btf/index.ts'
import type { ElfFile } from '../elf/index.ts'
import { kconfigSection } from './externs/declarations.ts'
import type { PlacedSection } from './placement.ts'

/**
 * The object's BTF as the kernel wants it; all types keep their ids.
 *
 * - Data sections are filled in.
 * - Functions that are hidden outside of the object are static, so that the verifier checks them where they are called
 *   and not for all possible arguments.
 * - What only describes something else (externs, map definitions with sizes that no C array could have) is replaced by
 *   types that the kernel takes: it refuses the whole otherwise (kernel/bpf/btf.c).
 */
export function kernelBtf(elf: ElfFile, btf: Btf, sections: ReadonlyMap<string, PlacedSection>): Btf {
  const fills = new Map<TypeId, SectionFill>()
  for (const { section, id, variables } of sections.values()) {
    fills.set(id, { size: section.size, offsets: variables.map(({ offset }) => offset) })
  }
  const heads = new TypeHeads(btf, fillSections(btf, fills))
  hideFunctions(elf, btf, heads)
  replaceExterns(btf, heads, sections)
  shortenArrays(btf, heads)
  return parseBtf(heads.bytes)
}

/** A FUNC keeps its linkage where other kinds count their members; 0 is static. */
function hideFunctions(elf: ElfFile, btf: Btf, heads: TypeHeads): void {
  const { symbols } = elf
  const hidden = new Set<string>()
  for (let i = 1; i < elf.symbolCount; i++) {
    if (symbols.kindOf(i) !== 'func' || symbols.bindingOf(i) === 'local') continue
    const visibility = symbols.visibilityOf(i)
    if (visibility === 'hidden' || visibility === 'internal') hidden.add(elf.symbol(i).name)
  }
  // the first of each name; a look for each could be made to take long by names of one hash
  for (const id of hidden.size > 0 ? btf.ids('func') : []) {
    if (hidden.delete(btf.nameOf(id))) heads.set(id, 1, heads.get(id, 1) & 0xffff0000)
  }
}

const BTF_VAR_GLOBAL_ALLOCATED = 1
const linkageExtern = 2

/**
 * Nothing of the object refers to externs by their types. A function becomes a name for an integer, a variable one, and
 * a section of them (12 bytes a variable) a struct without a name (12 bytes a member). The values of the configuration do
 * have a map, and are variables as any others.
 */
function replaceExterns(btf: Btf, heads: TypeHeads, sections: ReadonlyMap<string, PlacedSection>): void {
  const integer = btf.ids('int').next()
  if (integer.done) return
  const functions = new Set<TypeId>()
  for (const id of btf.ids('func')) {
    const fn = btf.type(id)
    if (fn.kind !== 'func' || fn.linkage !== 'extern') continue
    functions.add(id)
    heads.setKind(id, 'typedef')
    heads.set(id, 2, integer.value)
  }
  for (const id of functions.size > 0 ? btf.ids('decl_tag') : []) {
    const tag = btf.type(id)
    // a typedef has no parameters that could be tagged
    if (tag.kind === 'decl_tag' && functions.has(tag.type)) heads.set(id, 3, 0xffff_ffff)
  }
  const values = new Set(sections.get(kconfigSection)?.variables.map(({ id }) => id))
  for (let id = btf.first; id <= btf.count; id++) {
    // each map is one of them
    if (btf.records.kind(id) !== 'var') continue
    btf.checkOne(id)
    if (heads.get(id, 3) !== linkageExtern) continue
    if (!values.has(id)) heads.set(id, 2, integer.value)
    heads.set(id, 3, BTF_VAR_GLOBAL_ALLOCATED)
  }
  for (const id of btf.datasecs) {
    if (sections.has(btf.nameOf(id))) continue
    const count = heads.get(id, 1) & 0xffff
    heads.set(id, 0, 0)
    heads.setKind(id, 'struct', count)
    heads.set(id, 2, btf.sizeOf(integer.value))
    for (let i = 0; i < count; i++) {
      const [name, type, offset] = [3 * i + 3, 3 * i + 4, 3 * i + 5]
      heads.set(id, name, 0)
      heads.set(id, type, integer.value)
      heads.set(id, offset, 0)
    }
  }
}

/** `__uint(max_entries, 1 << 30)` is an array of 4 GiB of a type that has no values; the kernel counts its bytes. */
function shortenArrays(btf: Btf, heads: TypeHeads): void {
  const largest = 2 ** 30 - 1
  const lengthWord = 5 // behind the head: element type, index type, length
  for (const id of btf.ids('array')) {
    if (heads.get(id, lengthWord) > largest) heads.set(id, lengthWord, 0)
  }
}
