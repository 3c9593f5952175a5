import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Btf, BtfWriter, cDeclarations, parseBtf } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { bpftoolTypes, type DumpedType, fixturesWith, openFixture } from './objects.ts'
import { int } from './types.ts'

const kernelBtf = '/sys/kernel/btf/vmlinux'
const textOf = (btf: Btf): string => [...cDeclarations(btf)].join('')

/** Compiles C for BPF, and returns what bpftool then says of its types. */
function compile(source: string, target = 'bpfel'): readonly DumpedType[] {
  return inDirectory(directory => {
    const [c, object] = [join(directory, 'x.c'), join(directory, 'x.o')]
    writeFileSync(c, source)
    clang(`--target=${target}`, '-g', '-O1', '-c', c, '-o', object)
    return bpftoolTypes(object)
  })
}

function clang(...args: string[]): void {
  execFileSync('clang-19', ['-Wall', '-Werror', '-Wno-unused', '-Wno-pragma-clang-attribute', ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
}

function inDirectory<T>(use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-c-'))
  try {
    return use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Structs and unions that no other type has the name of: those keep it. */
function distinct(types: readonly DumpedType[]): DumpedType[] {
  const times = new Map<string, number>()
  for (const { kind, name } of types) {
    if (/^(STRUCT|UNION|ENUM|ENUM64)$/.test(kind)) times.set(name, (times.get(name) ?? 0) + 1)
  }
  return types.filter(
    ({ kind, name }) => /^(STRUCT|UNION)$/.test(kind) && name !== '(anon)' && times.get(name) === 1,
  )
}

const tagged = ({ kind, name }: DumpedType): string => `${kind.toLowerCase()} ${name}`

/** What C itself says of the size of a type, and of where its members are; C does not tell of bitfields. */
function assertions(types: readonly DumpedType[]): string {
  const lines = distinct(types).flatMap(type => [
    `_Static_assert(sizeof(${tagged(type)}) == ${type.size}, "${type.name}");`,
    ...(type.members ?? [])
      .filter(({ name, bitfield_size }) => name !== '(anon)' && !bitfield_size)
      .map(
        ({ name, bits_offset }) =>
          `_Static_assert(__builtin_offsetof(${tagged(type)}, ${name}) == ${bits_offset / 8}, "${type.name}.${name}");`,
      ),
  ])
  return `${lines.join('\n')}\n`
}

/** All members of a type, those of types without a name opened up, with their places and sizes in bits. */
function membersOf(types: ReadonlyMap<number, DumpedType>, { id }: DumpedType): string[] {
  const members = types.get(id)?.members ?? []
  return members.flatMap(({ name, type_id, bits_offset, bitfield_size }) => {
    const held = types.get(type_id)
    // clang drops the qualifier of a struct without a name in a struct, as of `const struct { ... };`
    const inner = held?.kind === 'CONST' || held?.kind === 'VOLATILE' ? types.get(held.type_id ?? 0) : held
    const at = `${name} at ${bits_offset}${bitfield_size ? `, ${bitfield_size} bits` : ''}`
    return inner?.members && inner.name === '(anon)'
      ? [`${at}, ${inner.size} bytes`, ...membersOf(types, inner).map(member => `${at}: ${member}`)]
      : [at]
  })
}

const byId = (types: readonly DumpedType[]): ReadonlyMap<number, DumpedType> =>
  new Map(types.map(type => [type.id, type]))

/** A sample that a number decides (xorshift32), so that it can be had again. */
function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  const left = [...items]
  let state = seed
  return Array.from({ length: Math.min(count, left.length) }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return left.splice((state >>> 0) % left.length, 1)[0]!
  })
}

needs(
  test,
  'clang-19',
  'bpftool',
  kernelBtf,
)('the header of the running kernel compiles, and lays out as its BTF says', () => {
  const theirs = bpftoolTypes(kernelBtf)
  const seed = Number(process.env.BPFPIN_SEED ?? Date.now() % 2 ** 31) | 1
  const chosen = sample(
    distinct(theirs).filter(({ size }) => size !== 0),
    600,
    seed,
  )
  const variables = chosen.map((type, i) => `${tagged(type)} v${i};`).join('\n')
  const header = textOf(parseBtf(readFileSync(kernelBtf)))
  const compiled = compile(`${header}\n${assertions(theirs)}\n${variables}\n`)
  const [ours, original] = [byId(compiled), byId(theirs)]
  const named = new Map(distinct(compiled).map(type => [tagged(type), type]))
  assert.ok(chosen.length >= 500)
  for (const type of chosen) {
    const own = named.get(tagged(type))
    assert.ok(own, tagged(type))
    assert.is(own.size, type.size, tagged(type))
    const what = `${tagged(type)} (BPFPIN_SEED=${seed})`
    assert.is(membersOf(ours, own).join('\n'), membersOf(original, type).join('\n'), what)
  }
})

needs(
  test,
  'clang-19',
  'bpftool',
)('so does that of every fixture, for its own byte order', () => {
  inDirectory(directory => {
    const files: Record<'bpfel' | 'bpfeb', string[]> = { bpfel: [], bpfeb: [] }
    for (const name of fixturesWith('.BTF')) {
      const { btf, path } = openFixture(name)
      const file = join(directory, `${name}.c`)
      writeFileSync(file, `${textOf(btf)}\n${assertions(bpftoolTypes(path))}`)
      files[btf.littleEndian ? 'bpfel' : 'bpfeb'].push(file)
    }
    for (const [target, sources] of Object.entries(files))
      clang(`--target=${target}`, '-fsyntax-only', ...sources)
  })
})

needs(
  test,
  'clang-19',
  'bpftool',
)('bitfields, packed structs and what has padding keep their bits', () => {
  for (const [name, target] of [
    ['btf-shapes.bpf.o', 'bpfel'],
    ['btf-shapes-eb.bpf.o', 'bpfeb'],
  ] as const) {
    const { btf, path } = openFixture(name)
    const theirs = bpftoolTypes(path)
    const chosen = distinct(theirs).filter(({ size }) => size !== 0)
    const variables = chosen.map((type, i) => `${tagged(type)} v${i};`).join('\n')
    const compiled = compile(`${textOf(btf)}\n${variables}\n`, target)
    const named = new Map(distinct(compiled).map(type => [tagged(type), type]))
    for (const type of chosen) {
      assert.equal(
        membersOf(byId(compiled), named.get(tagged(type))!),
        membersOf(byId(theirs), type),
        tagged(type),
      )
    }
  }
})

/** The text of a blob that has been written here. */
function written(add: (writer: BtfWriter) => void): string {
  const writer = new BtfWriter()
  add(writer)
  return textOf(parseBtf(writer.finish()))
}

const member = (name: string, type: number, bitOffset = 0) => ({ name, type, bitOffset, bitSize: 0 })

test('two types of one name are told apart by a flavour that no third one has', () => {
  const text = written(writer => {
    const id = writer.add(int)
    for (const name of ['s', 's', 's___2']) {
      writer.add({ kind: 'struct', name, size: 4, members: [member('x', id)] })
    }
  })
  assert.equal(
    Array.from(text.matchAll(/^struct (\w+) \{/gm), ([, name]) => name),
    ['s', 's___3', 's___2'],
  )
})

needs(test, 'clang-19')(
  'what points to itself, names that C does not take and enums of each size compile',
  () => {
    const text = written(writer => {
      const id = writer.add(int)
      writer.add({ kind: 'ptr', name: '', type: 3 })
      writer.add({
        ...{ kind: 'struct', name: 'Option<u8>', size: 24 },
        members: [member('next', 2), member('int', id, 64), member('call', 5, 128)],
      })
      writer.add({
        kind: 'func_proto',
        name: '',
        returnType: 2,
        params: [
          { name: 'int', type: 2 },
          { name: '', type: 0 },
        ],
      })
      writer.add({ kind: 'ptr', name: '', type: 4 })
      for (const size of [1, 2, 4, 8]) {
        const kind = size === 8 ? 'enum64' : 'enum'
        writer.add({ kind, name: `e${size}`, size, signed: true, values: [{ name: 'A', value: -1 }] })
      }
      const limits = [
        { name: 'MIN', value: -(2n ** 63n) },
        { name: 'MAX', value: 2n ** 63n - 1n },
      ]
      writer.add({ kind: 'enum64', name: 'limits', size: 8, signed: true, values: limits })
      writer.add({ kind: 'enum', name: 'none', size: 4, signed: false, values: [] })
      writer.add({ kind: 'struct', name: 'holds', size: 4, members: [member('e', 11)] })
    })
    const sizes = [1, 2, 4, 8].map(size => `_Static_assert(sizeof(enum e${size}) == ${size}, "");`)
    const limits = '_Static_assert(MIN == -0x7fffffffffffffffLL - 1 && MAX == 0x7fffffffffffffffLL, "");'
    compileOnly(
      `${text}\n${sizes.join('\n')}\n${limits}\n_Static_assert(sizeof(struct Option_u8_) == 24, "");\n`,
    )
  },
)

function compileOnly(source: string): void {
  inDirectory(directory => {
    const path = join(directory, 'x.c')
    writeFileSync(path, source)
    clang('--target=bpf', '-fsyntax-only', path)
  })
}

needs(test, 'clang-19')('numbers have the size that the blob says, whatever they are called', () => {
  const text = written(writer => {
    const long = writer.add({ ...int, name: 'int', size: 8, bits: 64 })
    const usize = writer.add({ ...int, name: 'usize', size: 8, bits: 64, signed: false })
    const half = writer.add({ kind: 'float', name: 'long double', size: 16 })
    writer.add({
      ...{ kind: 'struct', name: 's', size: 32 },
      members: [member('a', long), member('b', usize, 64), member('c', half, 128)],
    })
  })
  compileOnly(
    `${text}\n_Static_assert(sizeof(struct s) == 32 && __builtin_offsetof(struct s, c) == 16, "");\n`,
  )
})

test('an attribute that is more than one is left out, as the header would be what the blob says', () => {
  const text = written(writer => {
    const id = writer.add(int)
    writer.add({ kind: 'type_tag', name: 'used)) int evil __attribute__((x', type: id, attribute: true })
    writer.add({ kind: 'ptr', name: '', type: 2 })
    writer.add({ kind: 'typedef', name: 't', type: 3 })
  })
  assert.not.match(text, 'evil')
})

needs(test, 'clang-19')('a tag is any text, and C has it back byte by byte', () => {
  // what JSON would write as another escape, and what is a backslash where there are trigraphs
  const tag = 'a\x07??/"\\ größe\u{1f600}\n\u202e\u200f\u{e0041}'
  const text = written(writer => {
    const id = writer.add(int)
    writer.add({ kind: 'struct', name: 's', size: 4, members: [member('x', id)] })
    writer.add({ kind: 'decl_tag', name: tag, type: 2, component: -1, attribute: false })
  })
  const object = inDirectory(directory => {
    const [c, compiled] = [join(directory, 'x.c'), join(directory, 'x.o')]
    writeFileSync(c, `${text}\nstruct s global;\n`)
    clang('--target=bpfel', '-trigraphs', '-g', '-O1', '-c', c, '-o', compiled)
    return readFileSync(compiled)
  })
  assert.ok(object.includes(Buffer.from(`\0${tag}\0`)), 'it is among the names that clang wrote')
})

test('a tag that no attribute can have is left out', () => {
  const text = written(writer => {
    writer.add(int)
    writer.add({ kind: 'struct', name: 's', size: 0, members: [] })
    for (const name of ['\x1b[2J', '\x9b2J', '\x7f']) {
      writer.add({ kind: 'decl_tag', name, type: 2, component: -1, attribute: false })
    }
  })
  assert.not.match(text, 'btf_decl_tag')
})

needs(test, 'clang-19')('members that C cannot place leave a struct of the same size', () => {
  const text = written(writer => {
    const id = writer.add(int)
    writer.add({ kind: 'struct', name: 's', size: 12, members: [member('x', id, 32), member('y', id, 0)] })
  })
  compileOnly(`${text}\n_Static_assert(sizeof(struct s) == 12, "");\n`)
})

test('types that wait for themselves are refused, also through a function', () => {
  assert.throws(
    () =>
      written(writer => {
        writer.add({ kind: 'typedef', name: 'f', type: 2 })
        writer.add({ kind: 'ptr', name: '', type: 3 })
        writer.add({ kind: 'func_proto', name: '', returnType: 1, params: [] })
      }),
    /cannot be written in C: it waits for itself/,
  )
})

test('of a blob that continues another only what it needs of that is written', () => {
  const base = new BtfWriter()
  const id = base.add(int)
  const held = base.add({ kind: 'struct', name: 'held', size: 4, members: [member('x', id)] })
  const pointed = base.add({ kind: 'struct', name: 'pointed', size: 4, members: [member('x', id)] })
  base.add({ kind: 'struct', name: 'other', size: 4, members: [member('x', id)] })
  const vmlinux = parseBtf(base.finish())
  const own = new BtfWriter({ base: vmlinux })
  const pointer = own.add({ kind: 'ptr', name: '', type: pointed })
  own.add({ kind: 'struct', name: 'own', size: 16, members: [member('h', held), member('p', pointer, 64)] })
  const text = textOf(parseBtf(own.finish(), { base: vmlinux }))
  assert.equal(
    Array.from(text.matchAll(/^(struct \w+)( \{|;)/gm), ([, name, end]) => name! + end),
    ['struct held {', 'struct pointed;', 'struct own {'],
  )
})

test('as many types in each other as one likes are written, or refused: neither takes long', () => {
  const count = 20_000
  const text = written(writer => {
    let id = writer.add(int)
    for (let i = 0; i < count; i++) {
      id = writer.add({ kind: 'struct', name: `s${i}`, size: 4, members: [member('x', id)] })
    }
  })
  assert.is(text.match(/^struct s\d+ \{/gm)?.length, count)
  const nested = (kind: 'ptr' | 'const'): void => {
    written(writer => {
      let id = writer.add(int)
      for (let i = 0; i < count; i++) id = writer.add({ kind, name: '', type: id })
      writer.add({ kind: 'typedef', name: 't', type: id })
    })
  }
  for (const kind of ['ptr', 'const'] as const) assert.throws(() => nested(kind), /nested more than 64 deep/)
})

test('types without a name that double at each level, and holes in each of many structs, are refused soon', () => {
  const doubled = (): string =>
    written(writer => {
      let inner = writer.add({ ...int, name: 'char', size: 1, bits: 8, char: true })
      for (let level = 0; level < 30; level++) {
        const size = 2 ** (level + 1)
        const members = [0, 1].map(i => member(`m${i}`, inner, 4 * size * i))
        inner = writer.add({ kind: 'struct', name: level === 29 ? 's' : '', size, members })
      }
    })
  assert.throws(doubled, /leads to more C than a blob of this size should/)
  const holes = (): string =>
    written(writer => {
      const id = writer.add(int)
      const members = Array.from({ length: 20_000 }, (_, i) => member(`m${i}`, id, i * 8 * 16_000))
      writer.add({ kind: 'struct', name: 's', size: 20_000 * 16_000, members })
    })
  assert.throws(holes, /leads to more C than a blob of this size should/)
})

test('a hole of gigabytes is one line', () => {
  const text = written(writer => {
    const id = writer.add(int)
    writer.add({ kind: 'struct', name: 's', size: 0x8000_0000, members: [member('x', id)] })
  })
  assert.ok(text.length < 1000)
  assert.match(text, 'unsigned char __padding_4[2147483644];')
})

test.run()
