import fc from 'fast-check'
import { type ByteRange, createScanner, type ScanFault, type TypeTable } from '../../../src/parser/index.ts'
import { isPlaced, type Target } from '../contract.ts'
import { generatedTypes } from '../generated-types.ts'
import { btfSound, objectSound, sectionBytes } from '../sounds.ts'
import { orFixtures } from './fixtures.ts'

/** The scans of both cores over any bytes and any ranges in them: nothing is an error here, a fault is an answer. */
export const parserTarget: Target = {
  name: 'parser',
  sounds: orFixtures(generatedTypes, () =>
    ['counter', 'btf-core', 'btf-shapes-eb'].map(name =>
      btfSound(name, sectionBytes(objectSound(name).bytes, '.BTF').slice()),
    ),
  ),
  hostile: fc.uint8Array({ maxLength: 400, size: 'max' }),
  isRefusal: isPlaced,
  hasTwin: true,
  ask(bytes, questions) {
    const { turn, core } = questions
    const scanner = createScanner(bytes, { core, isOwn: true })
    scanner.littleEndian = turn % 3 !== 0
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const word = (at: number): number => (at + 4 <= bytes.length ? view.getUint32(at, true) : 0)
    // as the header says, or anything near
    const start = word(4)
    const range = (at: number): ByteRange => ({
      offset: start + word(at) + (turn % 7 === 0 ? (turn >>> 3) % 9 : 0),
      length: word(at + 4) + (turn % 5 === 0 ? ((turn >>> 4) % 9) - 4 : 0),
    })
    const types: TypeTable | ScanFault = scanner.scanTypes(range(8), range(16))
    if ('fault' in types) questions.note(types.fault, types.offset, types.index)
    else {
      questions.note(types.count, ...types.offsets, ...types.prints)
      for (const name of ['int', 'x', 'value', ''])
        questions.note(types.find(new TextEncoder().encode(name), 0))
    }
    const symbols = scanner.scanSymbols(range(8), range(16), turn % 300)
    if ('fault' in symbols) questions.note(symbols.fault, symbols.offset, symbols.index)
    else questions.note(symbols.count, ...symbols.starts, ...symbols.order)
    const relocations = scanner.scanRelocations(range(8), turn % 1000, turn)
    if ('fault' in relocations) questions.note(relocations.fault, relocations.offset, relocations.index)
    else questions.note(relocations.count, ...relocations.records)
  },
}
