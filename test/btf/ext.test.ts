import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BtfExt, BtfWriter, type CoreKind, parseBtf, parseBtfExt } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { fixturesWith, openFixture, run } from './objects.ts'

const project = fileURLToPath(new URL('../../', import.meta.url))

function extOf(object: ReturnType<typeof openFixture>): BtfExt {
  return parseBtfExt(object.elf.section('.BTF.ext')!.data, object.btf)
}

/** How llvm-objdump calls the kinds. */
const kindNames: Readonly<Record<string, CoreKind>> = {
  byte_off: 'field_byte_offset',
  byte_sz: 'field_byte_size',
  field_exists: 'field_exists',
  signed: 'field_signed',
  lshift_u64: 'field_lshift_u64',
  rshift_u64: 'field_rshift_u64',
  local_type_id: 'type_id_local',
  target_type_id: 'type_id_target',
  type_exists: 'type_exists',
  type_size: 'type_size',
  type_matches: 'type_matches',
  enumval_exists: 'enumval_exists',
  enumval_value: 'enumval_value',
}

needs(test, 'llvm-objdump-19')('CO-RE relocations of every kind are those that llvm-objdump shows', () => {
  const object = openFixture('btf-core.bpf.o')
  const theirs: string[] = []
  let section = ''
  for (const line of run('llvm-objdump-19', '-dr', object.path).split('\n')) {
    section = /^Disassembly of section (.+):$/.exec(line)?.[1] ?? section
    const found = /^\s+([0-9a-f]{16}): {2}CO-RE <(\w+)> \[(\d+)\] (.*)$/.exec(line)
    if (!found) continue
    const [, offset, kind, type, rest] = found
    // the access string of a field, the name of an enumerator
    const access = /\(([\d:]+)\)$/.exec(rest!)?.[1] ?? /::(\w+) = /.exec(rest!)?.[1] ?? '0'
    theirs.push(`${section} ${Number.parseInt(offset!, 16)} ${kindNames[kind!]} ${type} ${access}`)
  }
  const ours: string[] = []
  for (const [section, relocations] of extOf(object).coreRelocations) {
    for (const { offset, kind, type, access } of relocations) {
      const target = object.btf.resolve(type)
      const shown = target.kind === 'enum' ? target.values[Number(access)]!.name : access
      ours.push(`${section} ${offset} ${kind} ${type} ${shown}`)
    }
  }
  assert.is(ours.length, 13)
  assert.equal(ours, theirs)
})

for (const name of fixturesWith('.BTF.ext')) {
  needs(
    test,
    'llvm-objdump-19',
    'llvm-strip-19',
  )(`lines and functions of ${name} are those that llvm-objdump shows`, () => {
    const object = openFixture(name)
    const ext = extOf(object)
    const theirs = disassemble(object.path)
    for (const [section, rows] of ext.lines) {
      for (let i = 0; i < rows.length; i += 4) {
        const line = `${object.btf.string(rows[i + 1]!)}:${rows[i + 3]! >>> 10}`
        assert.is(theirs.lines.get(`${section} ${rows[i]}`), line)
      }
    }
    const functions: string[] = []
    for (const [section, rows] of ext.functions) {
      for (let i = 0; i < rows.length; i += 2)
        functions.push(`${section} ${rows[i]} ${object.btf.nameOf(rows[i + 1]!)}`)
    }
    assert.equal(functions.sort(), theirs.functions.sort())
  })

  test(`source lines in ${name} are those of its source file`, () => {
    const object = openFixture(name)
    for (const rows of extOf(object).lines.values()) {
      for (let i = 0; i < rows.length; i += 4) {
        const file = object.btf.string(rows[i + 1]!)
        if (!file.startsWith('./test/fixtures/')) continue
        const source = readFileSync(join(project, file), 'utf8').split('\n')
        const [line, column] = [rows[i + 3]! >>> 10, rows[i + 3]! & 0x3ff]
        assert.is(object.btf.string(rows[i + 2]!), source[line - 1])
        assert.ok(column <= source[line - 1]!.length + 1)
      }
    }
  })
}

/** The line of every instruction and the functions, as llvm-objdump reads them from an object without DWARF. */
function disassemble(path: string): { lines: Map<string, string>; functions: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-'))
  try {
    const stripped = join(directory, 'stripped.o')
    run('llvm-strip-19', '-g', path, '-o', stripped)
    const lines = new Map<string, string>()
    const functions: string[] = []
    let section = ''
    let current = ''
    for (const line of run('llvm-objdump-19', '-d', '-l', stripped).split('\n')) {
      section = /^Disassembly of section (.+):$/.exec(line)?.[1] ?? section
      current = /^; (.+:\d+)$/.exec(line)?.[1] ?? current
      const symbol = /^([0-9a-f]{16}) <(.+)>:$/.exec(line)
      if (symbol) functions.push(`${section} ${Number.parseInt(symbol[1]!, 16)} ${symbol[2]}`)
      const instruction = /^\s+(\d+):\t/.exec(line)
      if (instruction) lines.set(`${section} ${8 * Number(instruction[1])}`, current)
    }
    return { lines, functions }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

// One record in each table. Indexes are those of 32-bit words.
const { btf, text, func, struct } = smallBtf()
// prettier-ignore
const sound = [
  0x0001eb9f,
  32,
  0,
  20,
  20,
  28,
  48,
  28,
  8,
  text,
  1,
  8,
  func,
  16,
  text,
  1,
  8,
  text,
  text,
  (10 << 10) | 5,
  16,
  text,
  1,
  8,
  struct,
  text,
  0,
]

function extBytes(patches: { readonly [index: number]: number } = {}, length = 4 * sound.length): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * sound.length))
  sound.forEach((word, i) => {
    view.setUint32(4 * i, patches[i] ?? word, true)
  })
  return new Uint8Array(view.buffer, 0, length)
}

test('a blob with one record in each table is read', () => {
  const ext = parseBtfExt(extBytes(), btf)
  assert.equal([...ext.functions], [['text', Uint32Array.of(8, func)]])
  assert.equal([...ext.lines], [['text', Uint32Array.of(8, text, text, (10 << 10) | 5)]])
  assert.equal(
    [...ext.coreRelocations],
    [['text', [{ offset: 8, type: struct, access: 'text', kind: 'field_byte_offset' }]]],
  )
})

test('a header from before CO-RE has no relocations', () => {
  const ext = parseBtfExt(extBytes({ 1: 24, 2: 8, 4: 28 }), btf)
  assert.is(ext.functions.size, 1)
  assert.is(ext.coreRelocations.size, 0)
})

test('records that are longer than known are read up to there', () => {
  const longer = [...sound.slice(0, 8), 12, text, 2, 8, func, 0xdead, 16, func, 0xbeef]
  longer[3] = 36
  longer[5] = 0
  longer[7] = 0
  const bytes = new Uint8Array(Uint32Array.from(longer).buffer)
  assert.equal([...parseBtfExt(bytes, btf).functions], [['text', Uint32Array.of(8, func, 16, func)]])
})

const guards: readonly (readonly [
  what: string,
  patches: { readonly [index: number]: number },
  message: string,
])[] = [
  [
    'another magic',
    { 0: 0x0001eb9e },
    ".BTF.ext/header/magic: is bytes 9e eb, not BTF's 0xeb9f in either byte order",
  ],
  ['another version', { 0: 0x0002eb9f }, '.BTF.ext/header/version: is 2; only version 1 is known'],
  ['flags', { 0: 0x0101eb9f }, '.BTF.ext/header/flags: is 0x1; no flag is known'],
  ['a short header', { 1: 20 }, '.BTF.ext/header/hdr_len: is 20, less than the 24 bytes needed'],
  [
    'a header longer than all',
    { 1: 1000 },
    '.BTF.ext/header/hdr_len: is 1000, more than the 108 bytes there are',
  ],
  ['functions outside', { 3: 80 }, '.BTF.ext/func_info: ends at byte 112, outside the 108 bytes there are'],
  [
    'lines that wrap around',
    { 4: 0xfffffff0, 5: 0x20 },
    '.BTF.ext/line_info: ends at byte 4294967344, outside the 108 bytes there are',
  ],
  [
    'relocations out of line',
    { 6: 47 },
    '.BTF.ext/core_relo: starts at byte 79, which is not a multiple of 4',
  ],
  [
    'a table without record size',
    { 3: 3 },
    '.BTF.ext/func_info: 3 bytes are too few for the size of a record',
  ],
  [
    'records too small',
    { 8: 4 },
    '.BTF.ext/func_info: records of 4 bytes; expected a multiple of 4, and 8 at least',
  ],
  [
    'records of odd size',
    { 8: 10 },
    '.BTF.ext/func_info: records of 10 bytes; expected a multiple of 4, and 8 at least',
  ],
  [
    'records of size 0',
    { 13: 0 },
    '.BTF.ext/line_info: records of 0 bytes; expected a multiple of 4, and 16 at least',
  ],
  ['no section', { 3: 4 }, '.BTF.ext/func_info: has the size of a record but no section'],
  [
    'a broken section head',
    { 3: 8 },
    '.BTF.ext/func_info/section[0]: 4 bytes are too few for a name and a count',
  ],
  [
    'a section name outside',
    { 9: 999 },
    '.BTF.ext/func_info/section[0]: has its section name at 999, outside the 6 bytes of strings',
  ],
  ['a section without a name', { 9: 0 }, '.BTF.ext/func_info/section[0]: has no name'],
  ['no records', { 10: 0 }, '.BTF.ext/func_info/section[0]: section text has no records'],
  [
    'too many records',
    { 10: 2 },
    '.BTF.ext/func_info/section[0]: 2 records of 8 bytes are more than the 8 bytes left',
  ],
  [
    'records whose size overflows',
    { 15: 0x10000001 },
    '.BTF.ext/line_info/section[0]: 268435457 records of 16 bytes are more than the 16 bytes left',
  ],
  [
    'a function between instructions',
    { 11: 4 },
    '.BTF.ext/func_info/section[0]/record[0]: instruction offset 4 is not a multiple of 8',
  ],
  [
    'a function without type',
    { 12: 0 },
    '.BTF.ext/func_info/section[0]/record[0]: refers to type 0; the ids are 1 to 4',
  ],
  [
    'a function of an unknown type',
    { 12: 5 },
    '.BTF.ext/func_info/section[0]/record[0]: refers to type 5; the ids are 1 to 4',
  ],
  [
    'a function that is a struct',
    { 12: struct },
    '.BTF.ext/func_info/section[0]/record[0]: type 4 is a struct, not a func',
  ],
  [
    'a line between instructions',
    { 16: 12 },
    '.BTF.ext/line_info/section[0]/record[0]: instruction offset 12 is not a multiple of 8',
  ],
  [
    'a file name outside',
    { 17: 6 },
    '.BTF.ext/line_info/section[0]/record[0]: has its file name at 6, outside the 6 bytes of strings',
  ],
  [
    'a source line outside',
    { 18: 0xffffffff },
    '.BTF.ext/line_info/section[0]/record[0]: has its source line at 4294967295, outside the 6 bytes of strings',
  ],
  [
    'a relocation between instructions',
    { 23: 1 },
    '.BTF.ext/core_relo/section[0]/record[0]: instruction offset 1 is not a multiple of 8',
  ],
  [
    'a relocation of an unknown type',
    { 24: 5 },
    '.BTF.ext/core_relo/section[0]/record[0]: refers to type 5; the ids are 1 to 4',
  ],
  [
    'an access string outside',
    { 25: 6 },
    '.BTF.ext/core_relo/section[0]/record[0]: has its access string at 6, outside the 6 bytes of strings',
  ],
  [
    'an unknown kind of relocation',
    { 26: 13 },
    '.BTF.ext/core_relo/section[0]/record[0]: is of kind 13; known are 0 to 12',
  ],
]

for (const [what, patches, message] of guards) {
  test(`.BTF.ext with ${what} is refused`, () => {
    assert.throws(
      () => parseBtfExt(extBytes(patches), btf),
      (error: Error) => {
        assert.is(error.name, 'BtfError')
        assert.is(error.message, message)
        return true
      },
    )
  })
}

test('.BTF.ext that ends in its header is refused', () => {
  assert.throws(() => parseBtfExt(extBytes({}, 0), btf), /header: 0 bytes are too few for a header/)
  assert.throws(() => parseBtfExt(extBytes({}, 23), btf), /header: 23 bytes are too few for a header of 24/)
  assert.throws(
    () => parseBtfExt(extBytes({}, 31), btf),
    /header\/hdr_len: is 32, more than the 31 bytes there are/,
  )
})

test('a section that comes twice is refused', () => {
  const twice = [...sound.slice(0, 8), 8, text, 1, 8, func, text, 1, 16, func]
  twice[3] = 36
  twice[5] = 0
  twice[7] = 0
  assert.throws(
    () => parseBtfExt(new Uint8Array(Uint32Array.from(twice).buffer), btf),
    /func_info\/section\[1\]: section text was there already/,
  )
})

test('.BTF.ext of the other byte order than its BTF is refused', () => {
  const { elf } = openFixture('btf-shapes-eb.bpf.o')
  const big = parseBtf(elf.section('.BTF')!.data)
  assert.throws(() => parseBtfExt(extBytes(), big), /header\/magic: is of the other byte order/)
})

/** void text(void) and struct text {}: a name, a func and a struct for the records to refer to. */
function smallBtf() {
  const writer = new BtfWriter()
  const text = writer.string('text')
  writer.add({
    kind: 'int',
    name: '',
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
  const proto = writer.add({ kind: 'func_proto', name: '', returnType: 0, params: [] })
  const func = writer.add({ kind: 'func', name: 'text', type: proto, linkage: 'global' })
  const struct = writer.add({ kind: 'struct', name: 'text', size: 0, members: [] })
  return { btf: parseBtf(writer.finish()), text, func, struct }
}

test.run()
