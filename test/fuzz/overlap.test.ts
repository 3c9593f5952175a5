// Small files that stand for much: each of these took minutes, or all memory that there is. That they come to their end is
// the test; the runner ends a file that does not.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, flavoursIn, type NewType, parseBtf } from '../../src/btf/index.ts'
import { generateSkeleton } from '../../src/codegen/skeleton.ts'
import { parseElf } from '../../src/elf/index.ts'
import { BinaryFile } from '../../src/link/binary-file.ts'
import { functionsOf } from '../../src/link/binary-functions.ts'
import { usdtSites } from '../../src/link/usdt-sites.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import { failure } from '../failure.ts'
import { ElfWriter, type NewSection } from './elf-writer.ts'
import { temporaryFile } from './temporary.ts'

const many = 16_000
const [global, local] = [1 << 4, 0]
const func = 2
const exit = [0x95, 0, 0, 0, 0, 0, 0, 0]
const int: NewType = {
  ...{ kind: 'int', name: 'int', size: 4, signed: true, char: false, bool: false, bits: 32, bitOffset: 0 },
}

/** A blob whose types are each named by another end of one long name. */
function endsOfOneName(letter: number): Uint8Array {
  const types = Array.from({ length: many }, (_, i) => [1 + i, 4 << 24, 0]).flat()
  const strings = new Uint8Array(12 * many).fill(letter)
  strings[0] = strings[strings.length - 1] = 0
  const header = [0x0001eb9f, 24, 0, 4 * types.length, 4 * types.length, strings.length]
  const words = Uint32Array.from([...header, ...types])
  return new Uint8Array(Buffer.concat([Buffer.from(words.buffer), strings]))
}

for (const [what, letter] of [
  ['ASCII', 0x61],
  ['no text at all', 0xff],
] as const) {
  test(`types that are named by ends of one long name, ${what}, are refused when that comes to too much`, () => {
    const btf = parseBtf(endsOfOneName(letter))
    const error = failure(() => [...btf.ids()].map(id => btf.nameOf(id)))
    assert.match(
      error.message,
      /^\.BTF\/strings: the name at byte \d+ with those before it has more text than 192000 bytes/,
    )
  })
}

test('types that share their names, all of them long, are read: names that do not overlap are no trouble', () => {
  const writer = new BtfWriter()
  const name = (i: number): string => `${'é'.repeat(3000)}${i % 100}`
  for (let i = 0; i < many; i++) writer.add({ kind: 'fwd', name: name(i), of: 'struct' })
  const btf = parseBtf(writer.finish())
  assert.is(btf.count, many)
  for (const id of btf.ids()) assert.is(btf.nameOf(id), name(id - 1))
})

test('symbols that are named by ends of one long name are refused when that comes to too much', () => {
  const elf = new ElfWriter(true)
  for (let i = 0; i < many; i++) {
    // the writer has equal ends once, so they begin with what is in no other
    elf.symbol({ name: `é${'a'.repeat(4000)}`, value: 0, size: 0, info: global, section: 0 })
  }
  const bytes = elf.finish()
  const parsed = parseElf(bytes)
  const error = failure(() => Array.from({ length: parsed.symbolCount }, (_, i) => parsed.symbol(i)))
  assert.match(error.message, /^\.symtab\[\d+\]\/st_name: with those before it has more text than 4004 bytes/)
})

test('functions that overlap are refused when they have a million instructions that are not there', () => {
  const elf = new ElfWriter(true)
  const data = new Uint8Array(Array.from({ length: many }, () => exit).flat())
  const section = elf.section({ name: 'xdp', type: 1, flags: 6, data })
  for (let i = 0; i < many; i++) {
    elf.symbol({ name: `f${i}`, value: 0, size: data.length, info: global | func, section })
  }
  const bytes = elf.finish()
  const error = failure(() => parseSpec(bytes, 'overlapping'))
  // 1,000,000 and four times the section's 16,000, at 16,000 a function
  assert.is(error.message, `xdp: its functions overlap: up to f66 they have 1072000 instructions, in 16000`)
})

test('a function and its aliases are read', () => {
  const elf = new ElfWriter(true)
  const data = new Uint8Array([...exit, ...exit])
  const section = elf.section({ name: 'xdp', type: 1, flags: 6, data })
  for (const name of ['one', 'two', 'three']) {
    elf.symbol({ name, value: 0, size: 16, info: global | func, section })
  }
  assert.is(parseSpec(elf.finish(), 'aliases').programs.length, 3)
})

test('a name with a thousand flavours, and a thousand names of one flavour, are looked at once', () => {
  const writer = new BtfWriter()
  writer.add({ kind: 'fwd', name: `${'a___'.repeat(64_000)}b`, of: 'struct' })
  for (let i = 0; i < many; i++) writer.add({ kind: 'fwd', name: `task___${i}`, of: 'struct' })
  const flavours = flavoursIn(parseBtf(writer.finish()))
  assert.is(flavours.get('task')?.length, many)
  assert.is(flavours.size, 2)
})

test('a thousand tags of one program that each name a callback are read', () => {
  const writer = new BtfWriter()
  writer.add(int)
  const type = writer.add({ kind: 'func_proto', name: '', returnType: 1, params: [] })
  const program = writer.add({ kind: 'func', name: 'p', type, linkage: 'global' })
  for (let i = 0; i < 4 * many; i++) {
    const name = 'exception_callback:cb'
    writer.add({ kind: 'decl_tag', name, type: program, component: -1, attribute: false })
  }
  const elf = new ElfWriter(true)
  for (const [name, section] of [
    ['cb', '.text'],
    ['p', 'xdp'],
  ] as const) {
    const index = elf.section({ name: section, type: 1, flags: 6, data: new Uint8Array(exit) })
    elf.symbol({ name, value: 0, size: 8, info: global | func, section: index })
  }
  elf.section({ name: '.BTF', type: 1, data: writer.finish() })
  assert.is(parseSpec(elf.finish(), 'tagged').programs[0]?.body.references.length, 4 * many)
})

test('a skeleton of thousands of types of one name has them all', () => {
  const writer = new BtfWriter()
  writer.add(int)
  const elf = new ElfWriter(true)
  const data = new Uint8Array(4 * 4000)
  const section = elf.section({ name: '.data', type: 1, flags: 3, data })
  const variables = Array.from({ length: 4000 }, (_, i) => {
    const members = [{ name: `f${i}`, type: 1, bitOffset: 0, bitSize: 0 }]
    const type = writer.add({ kind: 'struct', name: 'same', size: 4, members })
    elf.symbol({ name: `v${i}`, value: 4 * i, size: 4, info: local | 1, section })
    return {
      type: writer.add({ kind: 'var', name: `v${i}`, type, linkage: 'static' }),
      offset: 4 * i,
      size: 4,
    }
  })
  writer.add({ kind: 'datasec', name: '.data', size: data.length, variables })
  elf.section({ name: '.BTF', type: 1, data: writer.finish() })
  const bytes = elf.finish()
  const { ts } = generateSkeleton(parseSpec(bytes, 'same'), { source: 'same.bpf.o', bytes })
  assert.match(ts, /\bSame4000\b/)
})

// programs that are attached to: any user's file

/** A program of these sections, and the names of them. */
function program(sections: readonly NewSection[]): string {
  const elf = new ElfWriter(true)
  for (const section of sections) elf.section(section)
  const bytes = elf.finish()
  const view = new DataView(bytes.buffer)
  view.setUint16(16, 2, true) // ET_EXEC
  view.setUint16(18, process.arch === 'arm64' ? 183 : 62, true)
  const path = temporaryFile()
  writeFileSync(path, bytes)
  return path
}

test('a program that has one section of notes a thousand times is not read a thousand times', () => {
  const note = Buffer.alloc(64)
  for (const [at, word] of [8, 44, 3].entries()) note.writeUInt32LE(word, 4 * at)
  note.write('stapsdt\0', 12)
  note.write('p\0name\0-4@%eax\0', 44)
  const notes = new Uint8Array(Buffer.concat(Array.from({ length: 4000 }, () => note)))
  const path = program(
    Array.from({ length: 40 }, () => ({ name: '.note.stapsdt', type: 7, data: notes, align: 4 })),
  )
  // 40 that are really there are no trouble
  assert.match(failure(() => usdtSites(path, 'p:other', 'here')).message, /has no USDT probe 'p:other'/)
  const overlapping = program(
    Array.from({ length: 4000 }, (_, i) => ({
      name: '.note.stapsdt',
      type: 7,
      data: i < 1 ? notes : new Uint8Array(),
      align: 4,
    })),
  )
  widenAll(overlapping)
  const error = failure(() => usdtSites(overlapping, 'p:other', 'here'))
  assert.match(error.message, /\.note\.stapsdt: and what was read before have \d+ bytes, the file \d+$/)
  rmSync(overlapping)
})

/** Makes each section of notes the first one. */
function widenAll(path: string): void {
  const bytes = new Uint8Array(readFileSync(path))
  const view = new DataView(bytes.buffer)
  const table = Number(view.getBigUint64(40, true))
  const first = table + 64
  for (let i = 2; i <= 4000; i++) {
    view.setBigUint64(table + 64 * i + 24, view.getBigUint64(first + 24, true), true)
    view.setBigUint64(table + 64 * i + 32, view.getBigUint64(first + 32, true), true)
  }
  writeFileSync(path, bytes)
}

test('functions of a program that are named by ends of one long name are refused', () => {
  const names = new Uint8Array(24 * many).fill(0x61)
  names[names.length - 1] = 0
  const symbols = new Uint8Array(24 * many)
  const view = new DataView(symbols.buffer)
  for (let i = 0; i < many; i++) {
    view.setUint32(24 * i, i, true)
    view.setUint8(24 * i + 4, func)
    view.setUint16(24 * i + 6, 1, true)
  }
  const path = program([
    { name: 'names', type: 3, data: names },
    { name: 'symbols', type: 2, data: symbols, link: 1, entrySize: 24 },
  ])
  const error = failure(() => {
    using file = new BinaryFile(path, 'here')
    return [...functionsOf(file, 'all', () => false)]
  })
  assert.match(
    error.message,
    /symbol table in section 2: its names overlap: they have more than \d+ bytes in all/,
  )
})

test.run()
