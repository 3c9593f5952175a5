import { type Btf, parseBtf } from '../../../src/btf/index.ts'
import { readBtfFile } from '../../../src/object/btf-file.ts'
import { isPlaced, type Questions, type Target } from '../contract.ts'
import { btfSound, objectSound, sectionBytes, slimSound } from '../sounds.ts'
import { temporaryFileOf } from '../temporary.ts'
import { fixturesOnly } from './fixtures.ts'

/** Types of a kernel in a file, bare or in an ELF file, and those of a module that stand on them. */
export const kernelBtfTarget: Target = {
  name: 'kernel-btf',
  sounds: fixturesOnly(() => [
    slimSound('core-kernel'),
    slimSound('btf-shapes-eb'),
    btfSound('core-kernel types', sectionBytes(objectSound('core-kernel').bytes, '.BTF').slice()),
  ]),
  isRefusal: isPlaced,
  hasTwin: false,
  ask(bytes, questions) {
    const path = temporaryFileOf(bytes)
    noteNames(readBtfFile(path), questions)
    questions.attempt(() => noteNames(parseBtf(bytes, { base: base() }), questions))
  },
}

let made: Btf | undefined

function base(): Btf {
  made ??= parseBtf(sectionBytes(objectSound('btf-core').bytes, '.BTF'))
  return made
}

function noteNames(btf: Btf, questions: Questions): void {
  questions.note(btf.count)
  for (const id of btf.ids()) questions.note(btf.nameOf(id), btf.kindOf(id))
  for (const name of ['task_struct', 'int', 'module']) questions.note(...btf.idsOf(name))
  questions.attempt(() => btf.check())
}
