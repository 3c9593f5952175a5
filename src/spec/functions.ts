import type { ElfFile, ElfSection, ElfSymbol } from '../elf/index.ts'
import { ElfError } from '../errors.ts'
import { kernelNameOf } from './empty-map.ts'
import { instructionSize } from './instructions.ts'
import type { PendingFunction } from './references.ts'
import { matchSection } from './sections.ts'
import type { FunctionSpec, ProgramSpec } from './types.ts'

const SHT_PROGBITS = 1
const SHF_EXECINSTR = 0x4

/** Sub-programs live here; every other executable section holds programs. */
export const textSection = '.text'

/** Sections with instructions in them. */
export function codeSections(elf: ElfFile): ElfSection[] {
  return elf.sections.filter(
    section => section.type === SHT_PROGBITS && (section.flags & SHF_EXECINSTR) !== 0 && section.size > 0,
  )
}

/** Instructions that the functions of any section may have together; as many as the kernel takes of one program. */
const leastInAll = 1_000_000
/** How many functions an instruction may be in, of a larger section: an alias is a second one. */
const overlapLimit = 4

/**
 * The functions of a section, by rising start.
 *
 * @throws ElfError for a function that is empty, not a whole number of instructions, or leaves its section; and for
 * functions that overlap so much that a small file would have billions of instructions.
 */
export function readFunctions(
  elf: ElfFile,
  section: ElfSection,
  unique: (name: string) => string,
): PendingFunction[] {
  let inAll = 0
  const most = leastInAll + (overlapLimit * section.size) / instructionSize
  return elf
    .symbolsIn(section.index)
    .filter(symbol => symbol.kind === 'func')
    .map(symbol => {
      checkExtent(section, symbol)
      inAll += symbol.size / instructionSize
      if (inAll > most) {
        const problem = `its functions overlap: up to ${symbol.name} they have ${inAll} instructions`
        throw new ElfError(section.name, `${problem}, in ${section.size / instructionSize}`)
      }
      return {
        name: unique(symbol.name),
        section: section.index,
        start: symbol.value / instructionSize,
        length: symbol.size / instructionSize,
        references: [],
      }
    })
}

function checkExtent(section: ElfSection, symbol: ElfSymbol): void {
  const where = `${section.name}/${symbol.name}`
  if (symbol.size === 0) throw new ElfError(where, 'a function without instructions')
  if (symbol.size % instructionSize !== 0) {
    throw new ElfError(
      where,
      `size ${symbol.size} is not a multiple of ${instructionSize}, the size of an instruction`,
    )
  }
  if (symbol.value % instructionSize !== 0) {
    throw new ElfError(where, `starts at ${symbol.value}, not a multiple of ${instructionSize}`)
  }
  if (symbol.value + symbol.size > section.size) {
    throw new ElfError(
      where,
      `ends at ${symbol.value + symbol.size}, after the end of section ${section.name} at ${section.size}`,
    )
  }
}

/** A function in a section of its own, with what the section's name says about it. */
export function programOf(body: FunctionSpec, section: string): ProgramSpec {
  const isOptional = section.startsWith('?')
  const rule = matchSection(isOptional ? section.slice(1) : section)
  return {
    name: body.name,
    kernelName: kernelNameOf(body.name),
    section,
    rule,
    type: rule?.programType ?? 'unspec',
    attachType: rule?.attachType,
    flags: rule?.flags ?? 0,
    logLevel: 0,
    autoload: !isOptional,
    autoattach: true,
    pinPath: undefined,
    target: undefined,
    targets: {},
    link: {},
    body,
  }
}
