import type { Btf, BtfVar, TypeId } from '../btf/index.ts'
import type { ElfFile, ElfSection } from '../elf/index.ts'
import { BtfError } from '../errors.ts'
import { type ExternSpec, kconfigSection } from './externs/declarations.ts'

/** A variable of a section, with the place that BTF alone may not know. */
export interface PlacedVariable {
  readonly name: string
  /** BTF ids of the variable and of its type. */
  readonly id: TypeId
  readonly type: TypeId
  readonly linkage: BtfVar['linkage']
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly size: number
}

/** Of a section what its variables need: `.kconfig` is in no file. */
export type SectionBytes = Pick<ElfSection, 'name' | 'index' | 'size' | 'data'>

/** A section of variables: what ELF and BTF say of it, put together. */
export interface PlacedSection {
  readonly section: SectionBytes
  /** BTF id of its DATASEC. */
  readonly id: TypeId
  /** In the order of BTF. */
  readonly variables: readonly PlacedVariable[]
}

/**
 * Finds where the variables of all sections lie, by the name of the section. The compiler leaves sizes and offsets of
 * DATASEC at 0 for the loader to fill from the symbol table; a static linker (`bpftool gen object`) has filled them in,
 * and may have left several variables of one name. Sections that only declare externs are not in the file; of those, `.kconfig` is given a place.
 *
 * @throws BtfError for an entry that is no variable, has no symbol, or leaves the section.
 */
export function placeSections(
  elf: ElfFile,
  btf: Btf,
  externs: readonly ExternSpec[],
): ReadonlyMap<string, PlacedSection> {
  const sections = new Map<string, PlacedSection>()
  for (const id of btf.datasecs) {
    const name = btf.nameOf(id)
    const section = elf.section(name)
    btf.checkOne(id)
    if (!section || sections.has(name)) continue
    sections.set(name, { section, id, variables: placeVariables(elf, btf, id, section) })
  }
  const kconfig = placeKconfig(btf, externs)
  if (kconfig) sections.set(kconfigSection, kconfig)
  return sections
}

const linkages = ['static', 'global', 'extern'] as const

/** Variables are read word by word (include/uapi/linux/btf.h: btf_var_secinfo, btf_var): there may be thousands of maps. */
function placeVariables(elf: ElfFile, btf: Btf, datasec: TypeId, section: ElfSection): PlacedVariable[] {
  const { records } = btf
  const isFilled = records.sizeOrType(datasec) !== 0
  const symbols = isFilled ? undefined : new OffsetsByName(elf, section)
  const placed: PlacedVariable[] = []
  const count = records.vlen(datasec)
  for (let i = 0; i < count; i++) {
    const id = records.word(datasec, 3 + 3 * i)
    const size = records.word(datasec, 5 + 3 * i)
    btf.checkOne(id)
    const name = records.name(id)
    if (records.kind(id) !== 'var') {
      throw misplaced(datasec, i, `section ${section.name} lists a ${records.kind(id)}, expected a variable`)
    }
    const offset = symbols ? symbols.next(name) : records.word(datasec, 4 + 3 * i)
    if (offset === undefined) {
      throw misplaced(datasec, i, `variable '${name}' has no symbol in section ${section.name}`)
    }
    if (offset + size > section.size) {
      const at = `at ${offset} with ${size} bytes`
      throw misplaced(
        datasec,
        i,
        `variable '${name}' ${at} leaves section ${section.name} of ${section.size}`,
      )
    }
    // the check refused every other number
    const linkage = linkages[records.word(id, 3)]!
    placed.push({ name, id, type: records.sizeOrType(id), linkage, offset, size })
  }
  return placed
}

function misplaced(datasec: TypeId, i: number, problem: string): BtfError {
  return new BtfError(`.BTF/type[${datasec}]/variable[${i}]`, problem)
}

/** Where the symbols of a section are: those of one name in the order of their place, in which they are defined. */
class OffsetsByName {
  readonly #elf: ElfFile
  readonly #indexes: Uint32Array
  /** The symbols before it have been asked for. */
  #next = 0
  #rest: Map<string, number[]> | undefined

  constructor(elf: ElfFile, section: ElfSection) {
    this.#elf = elf
    this.#indexes = elf.symbols.indexesIn(section.index)
  }

  /** Of the first symbol of this name that was not asked for before. Compilers list variables in the order of their places. */
  next(name: string): number | undefined {
    if (!this.#rest) {
      const index = this.#nextIndex()
      if (index !== undefined && this.#elf.symbols.isNamed(index, name)) {
        this.#next++
        return this.#elf.symbols.valueOf(index)
      }
    }
    this.#rest ??= this.#byName()
    return this.#rest.get(name)?.shift()
  }

  #nextIndex(): number | undefined {
    const { symbols } = this.#elf
    while (this.#next < this.#indexes.length) {
      const index = this.#indexes[this.#next]!
      // one that cannot be is refused, whatever its name
      symbols.bindingOf(index)
      if (symbols.kindOf(index) !== 'section') return index
      this.#next++
    }
    return undefined
  }

  #byName(): Map<string, number[]> {
    const offsets = new Map<string, number[]>()
    for (const index of this.#indexes.subarray(this.#next)) {
      const { name, kind, value } = this.#elf.symbol(index)
      if (kind === 'section') continue
      const same = offsets.get(name)
      if (same) same.push(value)
      else offsets.set(name, [value])
    }
    return offsets
  }
}

/** No section of a file has it. */
const noIndex = -1

/** The values of the kernel's configuration as a section of their own; `undefined` where the object wants none. */
export function placeKconfig(btf: Btf, externs: readonly ExternSpec[]): PlacedSection | undefined {
  const values = externs.filter(extern => extern.kind === 'kconfig')
  const datasec = values.length === 0 ? undefined : btf.find(kconfigSection, 'datasec')
  if (!datasec) return undefined
  const byId = new Map(values.map(value => [value.variable.id, value]))
  const variables = datasec.variables.map(({ type: id, size }, i): PlacedVariable => {
    const value = byId.get(id)
    if (value) {
      const { name, type, linkage } = value.variable
      return { name, id, type, linkage, offset: value.offset, size }
    }
    throw misplaced(datasec.id, i, 'is not a value of the configuration')
  })
  const size = Math.max(...values.map(value => value.offset + value.size))
  return {
    section: { name: kconfigSection, index: noIndex, size, data: new Uint8Array(0) },
    id: datasec.id,
    variables,
  }
}
