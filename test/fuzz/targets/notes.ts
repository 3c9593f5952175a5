import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { BinaryFile } from '../../../src/link/binary-file.ts'
import { functionsOf } from '../../../src/link/binary-functions.ts'
import { usdtSites } from '../../../src/link/usdt-sites.ts'
import { parseUsdtArguments } from '../../../src/spec/usdt/arguments.ts'
import { decodeUsdtNotes } from '../../../src/spec/usdt/notes.ts'
import { mostUsdtArguments } from '../../../src/spec/usdt/spec.ts'
import { isPlacedOr, type Target } from '../contract.ts'
import type { Sound } from '../damage.ts'
import { type Part, PartReader } from '../fields.ts'
import { sectionBytes } from '../sounds.ts'
import { temporaryFileOf } from '../temporary.ts'
import { fixturesOnly } from './fixtures.ts'

const tokens = [
  ...[
    '-4@',
    '8@',
    '-8@',
    '4@',
    '16@',
    '99999999999@',
    '8f@',
    '%rax',
    '%edi',
    '%xmm0',
    '$5',
    '$-1',
    '$9999999999999',
  ],
  ...[
    '(%rbp)',
    '-24(%rbp)',
    '(%rax,%rbx,4)',
    '(%rax,%rbx,3)',
    '8(%rip)',
    '[sp, 96]',
    'x0',
    'x99',
    'sp',
    '[x',
    ' ',
  ],
  ...[
    '@',
    '%',
    '(',
    ')',
    ',',
    '\0',
    '\x1b[2J',
    'é',
    '999999999999999999999999',
    '-'.repeat(80),
    ' '.repeat(300),
  ],
]
const description = fc.array(fc.constantFrom(...tokens), { maxLength: 30 }).map(parts => parts.join(''))

/** Probes in a program: notes, and descriptions of arguments. */
export const notesTarget: Target = {
  name: 'notes',
  sounds: fixturesOnly(() => [notesSound()]),
  hostile: description.map(text => noteOf(text)),
  isRefusal: isPlacedOr('ERR_UNSUPPORTED'),
  hasTwin: false,
  ask(bytes, questions) {
    questions.attempt(() => questions.note([...decodeUsdtNotes(bytes, 8, '.note.stapsdt')].length))
    for (const note of decodeUsdtNotes(bytes, 4, '.note.stapsdt')) {
      questions.note(note.provider, note.name, note.arguments, note.location, note.base, note.semaphore)
      for (const machine of ['x86-64', 'arm64'] as const) {
        questions.attempt(() => {
          const places = parseUsdtArguments(note.arguments, machine, 'fuzzing')
          if (places.length > mostUsdtArguments) throw new Error(`${places.length} arguments`)
          for (const { kind, size } of places) questions.note(kind, size)
        })
      }
    }
  },
}

/** A program that probes and functions are looked for in: it is any user's file. */
export const binaryTarget: Target = {
  name: 'binary',
  sounds: fixturesOnly(() => [binarySound()]),
  isRefusal: isPlacedOr('ERR_UNSUPPORTED', 'ERR_NO_TARGET'),
  hasTwin: false,
  ask(bytes, questions) {
    const path = temporaryFileOf(bytes)
    questions.attempt(() => questions.note(usdtSites(path, 'bpfpin:counted', 'fuzzing').length))
    using file = new BinaryFile(path, 'fuzzing')
    questions.note(file.machine, file.sections.length)
    for (const table of ['exported', 'all'] as const) {
      questions.attempt(() => {
        for (const { name, version, address } of functionsOf(file, table, () => true)) {
          questions.note(name, version, address, file.offsetOf(address), file.dataOffsetOf(address))
        }
      })
    }
  },
}

const binary = new URL('../../fixtures/usdt-target.elf', import.meta.url)

function binarySound(): Sound {
  const bytes = new Uint8Array(readFileSync(binary))
  const file = new PartReader(bytes, true)
  file.add(0, [4, 1, 'value'], [5, 1, 'value'], [16, 2, 'value'], [18, 2, 'value'], [32, 8, 'offset'])
  file.add(
    0,
    [40, 8, 'offset'],
    [54, 2, 'size'],
    [56, 2, 'count'],
    [58, 2, 'size'],
    [60, 2, 'count'],
    [62, 2, 'section'],
  )
  const segments = new PartReader(bytes, true)
  for (let i = 0; i < segments.u16(56); i++) {
    const at = segments.u64(32) + 56 * i
    segments.add(
      at,
      [0, 4, 'kind'],
      [4, 4, 'value'],
      [8, 8, 'offset'],
      [16, 8, 'offset'],
      [32, 8, 'size'],
      [40, 8, 'size'],
    )
  }
  const sections = new PartReader(bytes, true)
  const parts: Part[] = [file.fields, segments.fields, sections.fields]
  for (let i = 0; i < sections.u16(60); i++) {
    const at = sections.u64(40) + 64 * i
    sections.add(at, [0, 4, 'name'], [4, 4, 'kind'], [16, 8, 'offset'], [24, 8, 'offset'], [32, 8, 'size'])
    sections.add(at, [40, 4, 'section'], [44, 4, 'section'], [48, 8, 'value'], [56, 8, 'size'])
  }
  const notes = notesSound()
  const at = Buffer.from(bytes).indexOf(notes.bytes)
  parts.push(notes.parts.flat().map(field => ({ ...field, at: field.at + at })))
  return { name: 'usdt-target', bytes, parts }
}

function notesSound(): Sound {
  const bytes = sectionBytes(new Uint8Array(readFileSync(binary)), '.note.stapsdt').slice()
  const notes = new PartReader(bytes, true)
  for (let at = 0; at < bytes.length; ) {
    notes.add(at, [0, 4, 'size'], [4, 4, 'size'], [8, 4, 'kind'])
    const body = at + 12 + 4 * Math.ceil(notes.u32(at) / 4)
    notes.add(body, [0, 8, 'offset'], [8, 8, 'offset'], [16, 8, 'offset'])
    at = body + 4 * Math.ceil(notes.u32(at + 4) / 4)
  }
  return { name: 'usdt notes', bytes, parts: [notes.fields] }
}

function noteOf(description: string): Uint8Array {
  const body = Buffer.from(`provider\0name\0${description}\0`)
  const bytes = new Uint8Array(20 + 24 + 4 * Math.ceil(body.length / 4))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 8, true)
  view.setUint32(4, 24 + body.length, true)
  view.setUint32(8, 3, true)
  bytes.set(Buffer.from('stapsdt\0'), 12)
  bytes.set(body, 44)
  return bytes
}
