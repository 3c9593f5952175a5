import { assemble } from '../../../src/spec/assemble.ts'
import { parseSpec } from '../../../src/spec/parse.ts'
import type { Spec } from '../../../src/spec/types.ts'
import { isPlacedOr, type Questions, type Target } from '../contract.ts'
import { generatedObjects } from '../generated-objects.ts'
import { orFixtures, slimAndWhole } from './fixtures.ts'

const objects = [
  ...['counter', 'functions', 'map-kinds', 'externs', 'linked', 'functions-eb', 'struct-ops-shapes', 'arena'],
  ...['map-slots', 'exceptions', 'resize', 'btf-versions', 'externs-config'],
]

/** Objects, as a whole: maps, programs with their instructions, variables with their values. */
export const specTarget: Target = {
  name: 'spec',
  sounds: orFixtures(generatedObjects, () => slimAndWhole(objects)),
  // an instruction that uses what only a kernel has
  isRefusal: isPlacedOr('ERR_EXTERN', 'ERR_CORE'),
  hasTwin: true,
  ask(bytes, questions) {
    const spec = parseSpec(bytes, 'fuzzed', { core: questions.core, isOwn: true })
    questions.note(spec.license, spec.externs.length)
    for (const { name, type, keySize, valueSize, maxEntries, flags, structOps, section } of spec.maps) {
      questions.note(name, type, keySize, valueSize, maxEntries, flags)
      questions.attempt(() => questions.note(Object.keys(structOps?.definition ?? {}).length))
      if (section && section.size < 65_536) questions.note(...section.contents.subarray(0, 64))
    }
    for (const program of spec.programs) {
      questions.note(program.name, program.section, program.type)
      questions.attempt(() => {
        for (const word of assemble(spec, program, () => 3).instructions.slice(0, 64)) questions.note(word)
      })
    }
    for (const variable of spec.variables) {
      questions.note(variable.name, variable.offset, variable.size)
      if (variable.size < 4096) questions.attempt(() => variable.get())
    }
    if (questions.turn % 4 === 0) askForKernelTypes(spec, questions)
  },
}

function askForKernelTypes(spec: Spec, questions: Questions): void {
  questions.attempt(() => questions.note(spec.kernelBtf?.().bytes.length))
}
