import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ElfError, parseElf } from '../../src/elf/index.ts'
import { cores } from '../parser/documents.ts'
import { Patch } from './patch.ts'

const littleEndian = 'elf-symbols.bpf.o'
const bigEndian = 'elf-big-endian.bpf.o'

/** Parses and then asks for everything that is decoded later. */
function readAll(bytes: Uint8Array, core: 'wasm' | 'twin'): void {
  const elf = parseElf(bytes, { core })
  for (let i = 0; i < elf.symbolCount; i++) elf.symbol(i)
  for (const { index } of elf.sections) {
    elf.symbolsIn(index)
    elf.relocations(index)
  }
}

function refusal(bytes: Uint8Array, core: 'wasm' | 'twin'): ElfError {
  try {
    readAll(bytes, core)
  } catch (error) {
    if (error instanceof ElfError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

type Damage = (patch: Patch) => Patch | Uint8Array

/** In both byte orders and with both scanners: the damaged object is refused there, in words that have these. */
function refuses(what: string, where: string | RegExp, problem: string, damage: Damage): void {
  test(`refuses ${what}`, () => {
    for (const fixture of [littleEndian, bigEndian]) {
      for (const core of cores) {
        const damaged = damage(new Patch(fixture))
        const error = refusal(damaged instanceof Patch ? damaged.bytes : damaged, core)
        assert.is(error.code, 'ERR_ELF')
        if (typeof where === 'string') assert.is(error.where, where)
        else assert.match(error.where, where)
        assert.match(error.message, problem)
        assert.ok(error.message.startsWith(`${error.where}: `))
      }
    }
  })
}

test('accepts the fixtures that are damaged here', () => {
  for (const fixture of [littleEndian, bigEndian])
    for (const core of cores) readAll(new Patch(fixture).bytes, core)
})

// the file header

refuses('an empty file', 'ELF header/magic', 'it starts with nothing', () => new Uint8Array(0))
refuses('a file that is not ELF', 'ELF header/magic', 'it starts with 7b 7d', () =>
  new TextEncoder().encode('{}'),
)
for (const length of [4, 16, 63]) {
  const problem = `${length} bytes are too few for a header of 64`
  refuses(`a header cut at ${length} bytes`, 'ELF header', problem, ({ bytes }) => bytes.subarray(0, length))
}
refuses('a 32-bit file', 'ELF header/EI_CLASS', 'is 1, a 32-bit file', ({ bytes }) => bytes.fill(1, 4, 5))
refuses('an unknown class', 'ELF header/EI_CLASS', 'is 3', ({ bytes }) => bytes.fill(3, 4, 5))
refuses('byte order 0', 'ELF header/EI_DATA', 'is 0, neither 1', ({ bytes }) => bytes.fill(0, 5, 6))
refuses('byte order 3', 'ELF header/EI_DATA', 'is 3, neither 1', ({ bytes }) => bytes.fill(3, 5, 6))
refuses('an identification of version 2', 'ELF header/EI_VERSION', 'is 2', ({ bytes }) => bytes.fill(2, 6, 7))
refuses('version 0', 'ELF header/e_version', 'is 0', patch => patch.header('e_version', 0))
refuses('an executable', 'ELF header/e_type', 'is 2, not 1', patch => patch.header('e_type', 2))
refuses('a shared library', 'ELF header/e_type', 'is 3, not 1', patch => patch.header('e_type', 3))
refuses('an object for x86-64', 'ELF header/e_machine', 'is 62, not 247 (BPF)', patch =>
  patch.header('e_machine', 62),
)
refuses('a header of another size', 'ELF header/e_ehsize', 'is 52, not 64', patch =>
  patch.header('e_ehsize', 52),
)

// the section header table

refuses('a file without section headers', 'ELF header/e_shoff', 'is 0', patch => patch.header('e_shoff', 0))
refuses(
  'section headers behind the end of the file',
  'ELF header/e_shoff',
  'section headers end at byte',
  patch => patch.header('e_shoff', patch.bytes.length - 64),
)
refuses(
  'section headers that start outside the file',
  'ELF header/e_shoff',
  'section headers end at byte',
  patch => patch.header('e_shoff', 1n << 40n),
)
refuses('an offset that is no exact number', 'ELF header/e_shoff', 'is 0xffffffffffffffff, larger', patch =>
  patch.header('e_shoff', (1n << 64n) - 1n),
)
refuses(
  'a file that is cut in its section headers',
  'ELF header/e_shoff',
  'section headers end at byte',
  patch => patch.bytes.subarray(0, patch.bytes.length - 1),
)
refuses('section headers of another size', 'ELF header/e_shentsize', 'is 40, not 64', patch =>
  patch.header('e_shentsize', 40),
)
refuses(
  'no sections, which extended numbering also looks like',
  'ELF header/e_shnum',
  'extended numbering',
  patch => patch.header('e_shnum', 0),
)
refuses('a reserved number of sections', 'ELF header/e_shnum', 'is 65280', patch =>
  patch.header('e_shnum', 0xff00),
)
refuses('a file without section names', 'ELF header/e_shstrndx', 'is 0', patch =>
  patch.header('e_shstrndx', 0),
)
refuses(
  'names in a section that does not exist',
  'ELF header/e_shstrndx',
  'is 34; there are 34 sections',
  patch => patch.header('e_shstrndx', 34),
)
refuses('an extended index of the names', 'ELF header/e_shstrndx', 'extended numbering', patch =>
  patch.header('e_shstrndx', 0xffff),
)

// names

refuses(
  'names in a section that is no string table',
  'section[2]/sh_type',
  'must name a string table',
  patch => patch.header('e_shstrndx', 2),
)
refuses('an empty string table', 'section[1]', 'the string table is empty', patch =>
  patch.section(1, 'sh_size', 0),
)
refuses('names without an end', 'section[1]', 'does not end with a NUL', patch =>
  patch.contents('.strtab', -1, 0x61),
)
refuses('a cut string table', 'section[1]', 'are not in the file', patch =>
  patch.section('.strtab', 'sh_size', patch.bytes.length),
)
refuses(
  'a section name outside the string table',
  'section[2]/sh_name',
  'is 4294967295; the string table has',
  patch => patch.section('.text', 'sh_name', 0xffffffff),
)
refuses(
  'a section name just behind the string table',
  /^section\[2\]\/sh_name$/,
  'the string table has',
  patch => patch.section('.text', 'sh_name', patch.field('.strtab', 'sh_size')),
)
refuses('a section name that is not UTF-8', 'section[0]/sh_name', 'is not UTF-8', patch =>
  patch.contents('.strtab', 0, 0xff),
)

// sections

for (const field of ['sh_flags', 'sh_offset', 'sh_size', 'sh_addralign', 'sh_entsize'] as const) {
  refuses(
    `a section with ${field} of 2^53`,
    `section[4]/${field}`,
    'is 0x20000000000000, larger than any',
    patch => patch.section('socket', field, 1n << 53n),
  )
}
refuses('a section that ends behind the file', 'socket', 'are not in the file', patch =>
  patch.section('socket', 'sh_size', patch.bytes.length - patch.field('socket', 'sh_offset') + 1),
)
refuses('a section that starts behind the file', 'socket', 'are not in the file', patch =>
  patch.section('socket', 'sh_offset', patch.bytes.length + 1),
)
refuses('a link to a section that does not exist', 'socket/sh_link', 'is 34; there are 34 sections', patch =>
  patch.section('socket', 'sh_link', 34),
)
refuses('a compressed section', 'socket/sh_flags', 'is compressed', patch =>
  patch.section('socket', 'sh_flags', 0x806),
)
refuses('relocations with addends', '.relsocket/sh_type', 'is 4 (RELA)', patch =>
  patch.section('.relsocket', 'sh_type', 4),
)
refuses('extended section numbers of symbols', '.llvm_addrsig/sh_type', 'is 18 (SYMTAB_SHNDX)', patch =>
  patch.section('.llvm_addrsig', 'sh_type', 18),
)
for (const name of ['.BTF', '.BTF.ext', 'license']) {
  for (const type of [0, 3, 8]) {
    refuses(
      `${name} as a section of type ${type}`,
      `${name}/sh_type`,
      `is ${type}, not 1 (PROGBITS)`,
      patch => patch.section(name, 'sh_type', type),
    )
  }
  refuses(`a second ${name}`, name, 'there are two sections of this name', patch =>
    patch.section('.rodata', 'sh_name', patch.field(name, 'sh_name')),
  )
}
refuses('sections that overlap', '.data', 'overlaps raw_tp/sys_enter at byte', patch =>
  patch.section('.data', 'sh_offset', patch.field('.data', 'sh_offset') - 1),
)
refuses('two sections at one place', /^(socket|\.text)$/, 'overlaps', patch =>
  patch.section('socket', 'sh_offset', patch.field('.text', 'sh_offset')),
)

// symbols

refuses('an object without symbols', 'ELF sections', 'there is no symbol table', patch =>
  patch.section('.symtab', 'sh_type', 1),
)
refuses('a second symbol table', '.symtab', 'is a second symbol table beside .data', patch =>
  patch.section('.data', 'sh_type', 2),
)
refuses('symbols of another size', '.symtab/sh_entsize', 'is 16; a symbol has 24', patch =>
  patch.section('.symtab', 'sh_entsize', 16),
)
refuses('symbols of no size', '.symtab/sh_entsize', 'is 0', patch =>
  patch.section('.symtab', 'sh_entsize', 0),
)
refuses('a symbol table with a part of a symbol', '.symtab/sh_size', 'not a multiple of 24', patch =>
  patch.section('.symtab', 'sh_size', patch.field('.symtab', 'sh_size') - 1),
)
refuses(
  'symbols named by a section that is no string table',
  '.symtab/sh_link',
  'names section .text',
  patch => patch.section('.symtab', 'sh_link', 2),
)
refuses(
  'a symbol name outside the string table',
  '.symtab[7]/st_name',
  'is outside the string table',
  patch => patch.symbol(7, 'st_name', patch.field('.strtab', 'sh_size')),
)
refuses('a symbol in a section that does not exist', '.symtab[7]/st_shndx', 'there are 34', patch =>
  patch.symbol(7, 'st_shndx', 34),
)
refuses('a symbol in a reserved section', '.symtab[7]/st_shndx', 'does not exist', patch =>
  patch.symbol(7, 'st_shndx', 0xff3f),
)
refuses('a symbol with an extended section index', '.symtab[7]/st_shndx', 'does not exist', patch =>
  patch.symbol(7, 'st_shndx', 0xffff),
)
refuses('a symbol whose value is no exact number', '.symtab[7]', 'is 2^53 or more', patch =>
  patch.symbol(7, 'st_value', 1n << 53n),
)
refuses('a symbol whose size is no exact number', '.symtab[7]', 'is 2^53 or more', patch =>
  patch.symbol(7, 'st_size', (1n << 64n) - 1n),
)
refuses('a symbol of unknown binding', '.symtab[7]/st_info', 'has binding 3', patch =>
  patch.symbol(7, 'st_info', 0x31),
)
refuses('a symbol of unknown type', '.symtab[7]/st_info', 'has type 7', patch =>
  patch.symbol(7, 'st_info', 0x07),
)
refuses('a symbol name that is not UTF-8', '.symtab[1]/st_name', 'is not UTF-8', patch => {
  patch.bytes[Buffer.from(patch.bytes).indexOf('.bpf.c\0', patch.field('.strtab', 'sh_offset'))] = 0xc3
  return patch
})
refuses(
  'a symbol name without reason to end',
  '.symtab[7]/st_name',
  'is 4097 bytes long; the limit is 4096',
  patch => {
    const [start, size] = [patch.field('.strtab', 'sh_offset'), patch.field('.strtab', 'sh_size')]
    const names = Buffer.concat([
      patch.bytes.subarray(start, start + size),
      Buffer.alloc(4097, 'n'),
      Buffer.alloc(1),
    ])
    patch.symbol(7, 'st_name', size)
    patch.section('.strtab', 'sh_offset', patch.bytes.length).section(1, 'sh_size', names.length)
    return Buffer.concat([patch.bytes, names])
  },
)

// relocations

refuses('relocations of another size', '.relsocket/sh_entsize', 'is 24; a relocation has 16', patch =>
  patch.section('.relsocket', 'sh_entsize', 24),
)
refuses('relocations of no size', '.relsocket/sh_entsize', 'is 0', patch =>
  patch.section('.relsocket', 'sh_entsize', 0),
)
refuses('a table with a part of a relocation', '.relsocket/sh_size', 'not a multiple of 16', patch =>
  patch.section('.relsocket', 'sh_size', patch.field('.relsocket', 'sh_size') - 8),
)
refuses(
  'relocations by a section that is no symbol table',
  '.relsocket/sh_link',
  'the symbol table is section',
  patch => patch.section('.relsocket', 'sh_link', 1),
)
refuses('relocations of a section that does not exist', '.relsocket/sh_info', 'is 34; there are 34', patch =>
  patch.section('.relsocket', 'sh_info', 34),
)
refuses('relocations of the null section', '.relsocket/sh_info', 'is 0, a section without bytes', patch =>
  patch.section('.relsocket', 'sh_info', 0),
)
refuses('relocations of .bss', '.relsocket/sh_info', 'a section without bytes to relocate', patch =>
  patch.section('.relsocket', 'sh_info', patch.indexOf('.bss')),
)
refuses(
  'a second table for a section',
  '.relraw_tp/sys_enter/sh_info',
  'the same section as .relsocket',
  patch => patch.section('.relraw_tp/sys_enter', 'sh_info', patch.indexOf('socket')),
)
refuses(
  'a relocation outside its section',
  '.relsocket[1]/r_offset',
  'is outside socket, which has 400',
  patch => patch.relocation('.relsocket', 1, 'r_offset', 400),
)
refuses('a relocation far outside', '.relsocket[1]/r_offset', 'is outside socket', patch =>
  patch.relocation('.relsocket', 1, 'r_offset', (1n << 63n) + 8n),
)
refuses('a relocation by a symbol that does not exist', '.relsocket[1]/r_info', 'there are 34', patch =>
  patch.relocation('.relsocket', 1, 'r_info', (34n << 32n) | 1n),
)

// what is not refused

function accepts(what: string, damage: (patch: Patch) => Patch): void {
  test(`accepts ${what}`, () => {
    for (const fixture of [littleEndian, bigEndian]) {
      for (const core of cores) readAll(damage(new Patch(fixture)).bytes, core)
    }
  })
}

accepts('machine 0, as compilers wrote before BPF had a number', patch => patch.header('e_machine', 0))
accepts('compressed debug information, which is not read', patch =>
  patch.section('.debug_info', 'sh_flags', 0x800),
)
accepts('a .bss that is larger than the file', patch => patch.section('.bss', 'sh_size', 1 << 30))
accepts('a null section with anything in it', patch => patch.section(0, 'sh_offset', 1n << 40n))
accepts('common and absolute symbols', patch =>
  patch.symbol(7, 'st_shndx', 0xfff2).symbol(8, 'st_shndx', 0xfff1),
)

test.run()
