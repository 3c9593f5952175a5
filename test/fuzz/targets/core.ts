import { readBtf } from '../../../src/btf/index.ts'
import { createScanner } from '../../../src/parser/index.ts'
import { assemble, functionsOf } from '../../../src/spec/assemble.ts'
import { resolveCore } from '../../../src/spec/core/relocate.ts'
import { parseSpec } from '../../../src/spec/parse.ts'
import type { Spec } from '../../../src/spec/types.ts'
import { isPlacedOr, type Target } from '../contract.ts'
import type { Sound } from '../damage.ts'
import { btfSound, objectSound, sectionBytes, slimSound } from '../sounds.ts'
import { fixturesOnly } from './fixtures.ts'

/** CO-RE relocations of an object by the types of a kernel: either is damaged. */
export const coreTarget: Target = {
  name: 'core',
  sounds: fixturesOnly(() => [
    ...pairs().map(({ object }) => object),
    ...pairs().map(({ kernel }) => kernel),
  ]),
  isRefusal: isPlacedOr('ERR_CORE'),
  hasTwin: false,
  ask(bytes, questions) {
    const { object, kernel } = pairs()[questions.turn % pairs().length]!
    const isKernel = bytes[0] !== 0x7f
    const spec = isKernel ? specOf(object) : parseSpec(bytes, 'fuzzed', { core: 'twin', isOwn: true })
    const types = isKernel ? bytes : kernel.bytes
    const btf = readBtf(createScanner(types, { core: 'twin' }), { offset: 0, length: types.length })
    const target = { main: () => ({ name: 'kernel', btf }), modules: () => [] }
    for (const program of spec.programs) {
      questions.attempt(() => {
        const fixes = resolveCore(spec, functionsOf(program), target)
        for (const fix of fixes.values()) questions.note(fix.length)
        const { instructions, poisoned } = assemble(spec, program, () => 3, fixes)
        questions.note(instructions.length)
        for (const { needs } of poisoned.values()) questions.note(String(needs()).length)
      })
    }
  },
}

interface Pair {
  readonly object: Sound
  readonly kernel: Sound
}

let made: readonly Pair[] | undefined

/** Objects, with the types of a kernel that they are relocated by: another object's. */
function pairs(): readonly Pair[] {
  made ??= [
    ['core-missing', 'core-kernel'],
    ['core-running', 'core-kernel'],
    ['btf-core', 'btf-core'],
    ['counter', 'counter-wider'],
  ].map(([object, kernel]) => ({
    object: slimSound(object!),
    kernel: btfSound(kernel!, sectionBytes(objectSound(kernel!).bytes, '.BTF').slice()),
  }))
  return made
}

const specs = new Map<Sound, Spec>()

function specOf(sound: Sound): Spec {
  const known = specs.get(sound) ?? parseSpec(sound.bytes, sound.name)
  specs.set(sound, known)
  return known
}
