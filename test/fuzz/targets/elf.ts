import { type ElfFile, parseElf } from '../../../src/elf/index.ts'
import { isPlaced, type Questions, type Target } from '../contract.ts'
import { generatedObjects } from '../generated-objects.ts'
import { objectSound } from '../sounds.ts'
import { orFixtures } from './fixtures.ts'

/** ELF files: sections, symbols, relocations. */
export const elfTarget: Target = {
  name: 'elf',
  sounds: orFixtures(generatedObjects, () =>
    ['elf-symbols', 'elf-big-endian', 'linked', 'counter', 'externs', 'elf-no-debug'].map(objectSound),
  ),
  isRefusal: isPlaced,
  hasTwin: true,
  ask(bytes, questions) {
    const elf = parseElf(bytes, { core: questions.core, isOwn: true })
    questions.note(elf.machine, elf.flags, elf.symbolCount, elf.sections.length)
    for (const { name, type, flags, size, link, info, entrySize, align, data } of elf.sections) {
      questions.note(name, type, flags, size, link, info, entrySize, align, data.length)
    }
    for (let i = 0; i < elf.symbolCount; i++) questions.attempt(() => noteSymbol(elf, i, questions))
    for (const section of elf.sections) {
      const { index } = section
      questions.attempt(() => questions.note(elf.stringAt(section, 0)))
      questions.attempt(() => questions.note(elf.symbolsIn(index).length))
      questions.attempt(() => {
        for (const { offset, type, symbol } of elf.relocations(index)) questions.note(offset, type, symbol)
      })
    }
  },
}

function noteSymbol(elf: ElfFile, index: number, questions: Questions): void {
  const { name, value, size, binding, kind, visibility, section } = elf.symbol(index)
  questions.note(name, value, size, binding, kind, visibility, section)
}
