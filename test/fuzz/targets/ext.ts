import { parseBtfExt, readBtf } from '../../../src/btf/index.ts'
import { parseElf } from '../../../src/elf/index.ts'
import { extParts } from '../btf-fields.ts'
import { isPlaced, type Target } from '../contract.ts'
import type { Sound } from '../damage.ts'
import { generatedObjects } from '../generated-objects.ts'
import { sectionIn, sectionsOf, slimSound } from '../sounds.ts'
import { orFixtures } from './fixtures.ts'

/** `.BTF.ext`: functions, lines, CO-RE relocations. */
export const extTarget: Target = {
  name: 'ext',
  sounds: orFixtures(generatedObjects.filter(({ bytes }) => hasExt(bytes)).map(aimedAtExt), () =>
    ['btf-core', 'counter', 'functions', 'functions-eb', 'core-missing', 'linked'].map(name =>
      aimedAtExt(slimSound(name)),
    ),
  ),
  isRefusal: isPlaced,
  hasTwin: false,
  ask(bytes, questions) {
    const elf = parseElf(bytes, { core: questions.core, isOwn: true })
    const [types, ext] = [elf.section('.BTF'), elf.section('.BTF.ext')]
    if (!types || !ext) return
    const btf = readBtf(elf.scanner, elf.rangeOf(types))
    const { functions, lines, coreRelocations } = parseBtfExt(ext.data, btf)
    for (const [section, rows] of functions) questions.note(section, ...rows)
    for (const [section, rows] of lines) {
      questions.note(section, ...rows)
      questions.attempt(() => questions.note(btf.string(rows[1]!), btf.string(rows[2]!)))
    }
    for (const [section, relocations] of coreRelocations) {
      questions.note(section)
      for (const { offset, type, access, kind } of relocations) questions.note(offset, type, access, kind)
    }
  },
}

function hasExt(bytes: Uint8Array): boolean {
  return sectionsOf(bytes).some(({ name }) => name === '.BTF.ext')
}

function aimedAtExt(sound: Sound): Sound {
  const { offset, length } = sectionIn(sound.bytes, '.BTF.ext')
  return { ...sound, parts: extParts(sound.bytes, offset, length).filter(part => part.length > 0) }
}
