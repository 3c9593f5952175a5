import { type ElfFile, parseElf } from '../../../src/elf/index.ts'
import { isPlaced, type Questions, type Target } from '../contract.ts'
import { generatedObjects } from '../generated-objects.ts'
import { orFixtures, slimAndWhole } from './fixtures.ts'

/** ELF files: sections, symbols, relocations. */
export const elfTarget: Target = {
  name: 'elf',
  sounds: orFixtures(generatedObjects, () =>
    slimAndWhole(['elf-symbols', 'elf-big-endian', 'linked', 'counter', 'externs', 'elf-no-debug']),
  ),
  isRefusal: isPlaced,
  hasTwin: true,
  ask(bytes, questions) {
    const elf = parseElf(bytes, { core: questions.core, isOwn: true })
    questions.note(elf.machine, elf.flags, elf.symbolCount, elf.sections.length)
    for (const { name, type, flags, offset, size, link, info, entrySize, align, data } of elf.sections) {
      // all that it says to have: of a shorter file, bytes beyond the end would be missed
      const isWhole = hasBytes(type)
        ? data.length === size && offset + size <= bytes.length
        : data.length === 0
      if (!isWhole) throw new Error(`section ${name} is cut off`)
      questions.note(name, type, flags, size, link, info, entrySize, align, data.length)
    }
    for (let i = 0; i < elf.symbolCount; i++) questions.attempt(() => noteSymbol(elf, i, questions))
    for (const section of elf.sections) {
      const { index } = section
      const isAsked = questions.isThorough || index % 4 === questions.turn % 4
      if (isAsked) questions.attempt(() => questions.note(elf.stringAt(section, 0)))
      questions.attempt(() => questions.note(elf.symbolsIn(index).length))
      questions.attempt(() => {
        for (const { offset, type, symbol } of elf.relocations(index)) questions.note(offset, type, symbol)
      })
    }
  },
}

/** Has a section of this type a place in the file? All but SHT_NULL and SHT_NOBITS have. */
function hasBytes(type: number): boolean {
  return type !== 0 && type !== 8
}

function noteSymbol(elf: ElfFile, index: number, questions: Questions): void {
  const { name, value, size, binding, kind, visibility, section } = elf.symbol(index)
  questions.note(name, value, size, binding, kind, visibility, section)
}
