import {
  type Btf,
  cDeclarations,
  compareLayouts,
  compileCopy,
  createCodec,
  fieldsOf,
  holesOf,
  readBtf,
  subsetOf,
  type TypeId,
  typeName,
} from '../../../src/btf/index.ts'
import { createScanner } from '../../../src/parser/index.ts'
import { isPlacedOr, type Questions, type Target } from '../contract.ts'
import { generatedTypes } from '../generated-types.ts'
import { btfSound, objectSound, sectionBytes } from '../sounds.ts'
import { orFixtures } from './fixtures.ts'

/** BTF blobs: every type, and all that is made of types: layouts, codecs, names, C, smaller blobs. */
export const btfTarget: Target = {
  name: 'btf',
  sounds: orFixtures(generatedTypes, () =>
    ['btf-shapes', 'btf-shapes-eb', 'counter', 'btf-core', 'late-kinds', 'map-kinds'].map(name =>
      btfSound(name, sectionBytes(objectSound(name).bytes, '.BTF').slice()),
    ),
  ),
  // a value of a struct with two members of one name cannot be written again
  isRefusal: isPlacedOr('ERR_VALUE', 'ERR_UNKNOWN_NAME'),
  hasTwin: true,
  ask(bytes, questions) {
    const scanner = createScanner(bytes, { core: questions.core, isOwn: true })
    const btf = readBtf(scanner, { offset: 0, length: bytes.length })
    questions.note(btf.count, btf.littleEndian ? 1 : 0)
    if (questions.turn % 2 === 0) btf.check()
    for (const id of btf.ids()) questions.attempt(() => noteType(btf, id, questions))
    // some of the types: these questions each lead through many
    const step = Math.max(1, Math.floor(btf.count / (questions.isThorough ? 12 : 3)))
    for (let id = 1 + (questions.turn % step); id <= btf.count; id += step) askAbout(btf, id, questions)
    for (const name of ['int', 'x', 'struct', '']) questions.note(...btf.idsOf(name))
    if (questions.turn % 8 === 1) askForAll(btf, questions)
  },
}

function noteType(btf: Btf, id: TypeId, questions: Questions): void {
  const type = btf.type(id)
  questions.note(type.kind, type.name)
  if ('members' in type) for (const one of type.members) questions.note(one.name, one.type, one.bitOffset)
  else if ('values' in type) for (const one of type.values) questions.note(one.name, one.value)
  else if ('variables' in type) for (const one of type.variables) questions.note(one.type, one.offset)
  else if ('params' in type) for (const one of type.params) questions.note(one.name, one.type)
}

/** What all rooms above ask about a type. */
function askAbout(btf: Btf, id: TypeId, questions: Questions): void {
  const size = questions.attempt(() => btf.sizeOf(id))
  const align = questions.attempt(() => btf.alignOf(id))
  const name = questions.attempt(() => typeName(btf, id))
  questions.note(size, align, name)
  questions.attempt(() => questions.note(btf.resolve(id).kind))
  questions.attempt(() => {
    const fields = fieldsOf(btf, id)
    for (const { path, bitOffset, bitSize } of fields) questions.note(path, bitOffset, bitSize)
    questions.note(holesOf(fields, btf.sizeOf(id)).length)
  })
  questions.attempt(() => {
    const codec = createCodec(btf, id)
    // a small blob may well have a value of gigabytes
    if (codec.size > 4096) return
    const bytes = new Uint8Array(codec.size).map((_, i) => i * questions.turn)
    const value = codec.decode(bytes)
    codec.encode(codec.decode(new Uint8Array(codec.size)), bytes)
    questions.note(Object.keys(value as object).length, ...bytes)
  })
  questions.attempt(() => {
    const other = Math.max(1, id - 1)
    const sides = [id, other].map(one => ({ btf, id: one, size: btf.sizeOf(one) }))
    const comparison = compareLayouts(sides[0]!, sides[1]!)
    questions.note(comparison.grade, comparison.changes.length)
    if (comparison.conversion) compileCopy(comparison.conversion.operations, btf.littleEndian)
  })
}

function askForAll(btf: Btf, questions: Questions): void {
  questions.attempt(() => {
    for (const part of cDeclarations(btf)) questions.note(part)
  })
  questions.attempt(() => questions.note(subsetOf(btf, btf.ids()).bytes.length))
}
