import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Btf, BtfWriter, fieldsOf, fillSections, parseBtf, subsetOf } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { bpftoolTypes, fillsOf, fixturesWith, openFixture } from './objects.ts'
import { asDumped } from './oracle.ts'
import { everyKind, int } from './types.ts'

function rewritten(btf: Btf): Uint8Array {
  const writer = new BtfWriter({ littleEndian: btf.littleEndian })
  for (const type of btf) writer.add(type)
  return writer.finish()
}

for (const name of fixturesWith('.BTF')) {
  test(`${name}, written again, decodes to the same types`, () => {
    const { btf } = openFixture(name)
    const again = parseBtf(rewritten(btf))
    again.check()
    assert.is(again.littleEndian, btf.littleEndian)
    assert.equal([...again], [...btf])
  })
}

test('every kind is read as it was written', () => {
  const { writer, types } = everyKind()
  const btf = parseBtf(writer.finish())
  btf.check()
  assert.equal([...btf], types)
  assert.is(new Set(types.map(type => type.kind)).size, 19)
})

test('equal strings are written once', () => {
  const writer = new BtfWriter()
  assert.is(writer.string('name'), writer.string('name'))
  assert.is(writer.string(''), 0)
  const id = writer.add({ kind: 'struct', name: 'name', size: 0, members: [] })
  assert.is(parseBtf(writer.finish()).nameOf(id), 'name')
  assert.is(writer.finish().length, 24 + 12 + '\0name\0'.length)
})

test('names that are not ASCII are kept', () => {
  const writer = new BtfWriter()
  writer.add({ kind: 'struct', name: 'größe', size: 0, members: [] })
  assert.is(parseBtf(writer.finish()).find('größe')?.id, 1)
})

test('what the format cannot say is refused', () => {
  const writer = new BtfWriter()
  const far = [{ name: 'far', type: 1, bitOffset: 2 ** 24, bitSize: 1 }]
  assert.throws(
    () => writer.add({ kind: 'struct', name: 's', size: 0, members: far }),
    /\.BTF\/type\[1\]\/member\[0\]: bit 16777216 is beyond/,
  )
  const many = Array.from({ length: 65_536 }, () => ({ name: '', value: 0 }))
  assert.throws(
    () => writer.add({ kind: 'enum', name: 'e', size: 4, signed: false, values: many }),
    /type\[1\]: 65536 entries are more than 65535/,
  )
  assert.throws(() => writer.add({ kind: 'void', name: 'void' }), /void is type 0 of every blob/)
  assert.throws(() => writer.string('a\0b'), /holds a NUL/)
})

needs(test, 'bpftool')('bpftool reads a blob that was written', () => {
  const { writer, types } = everyKind()
  withFile(writer.finish(), path => assert.equal(bpftoolTypes(path), types.map(asDumped)))
})

const shapes = openFixture('btf-shapes.bpf.o')

for (const name of ['btf-shapes.bpf.o', 'btf-shapes-eb.bpf.o']) {
  test(`data sections of ${name} get the sizes and places that the symbols have`, () => {
    const object = openFixture(name)
    const { btf, elf } = object
    const filled = parseBtf(fillSections(btf, fillsOf(object)))
    filled.check()
    assert.is(filled.littleEndian, btf.littleEndian)
    const datasec = filled.find('.data.values', 'datasec')!
    const section = elf.section('.data.values')!
    const symbols = elf.symbolsIn(section.index).filter(symbol => symbol.kind === 'object')
    assert.is(datasec.size, section.size)
    assert.equal(
      datasec.variables.map(entry => [filled.nameOf(entry.type), entry.offset, entry.size]),
      symbols.map(symbol => [symbol.name, symbol.value, symbol.size]),
    )
    assert.is(fieldsOf(filled, datasec.id).find(field => field.path === 'outer.last')?.offset, 216 + 136)
    // nothing but the sections has changed
    assert.equal(
      [...filled].filter(type => type.kind !== 'datasec'),
      [...btf].filter(type => type.kind !== 'datasec'),
    )
  })
}

test('the blob that is filled in stays as it is', () => {
  const before = shapes.btf.bytes.slice()
  fillSections(shapes.btf, fillsOf(shapes))
  assert.equal(shapes.btf.bytes, before)
})

needs(test, 'bpftool')('bpftool reads a blob that was filled in', () => {
  const bytes = fillSections(shapes.btf, fillsOf(shapes))
  const ours = [...parseBtf(bytes)].map(asDumped)
  withFile(bytes, path => assert.equal(bpftoolTypes(path), ours))
})

const badFills: readonly (readonly [
  what: string,
  fill: { size: number; offsets: number[] },
  message: RegExp,
])[] = [
  [
    'too few places',
    { size: 8, offsets: [0] },
    /type\[4\]: section \.data has 2 variables, but 1 offsets are given/,
  ],
  [
    'a variable outside',
    { size: 8, offsets: [0, 6] },
    /type\[4\]\/variable\[1\]: 'b' at 6 with 4 bytes leaves section \.data of 8 bytes/,
  ],
  [
    'two variables in one place',
    { size: 8, offsets: [4, 2] },
    /type\[4\]\/variable\[0\]: 'a' at 4 with 4 bytes overlaps what ends at 6/,
  ],
]

for (const [what, fill, message] of badFills) {
  test(`a data section with ${what} is refused`, () => {
    const writer = new BtfWriter()
    writer.add(int)
    const variables = ['a', 'b'].map(name => ({
      type: writer.add({ kind: 'var', name, type: 1, linkage: 'global' }),
      offset: 0,
      size: 4,
    }))
    const id = writer.add({ kind: 'datasec', name: '.data', size: 0, variables })
    const btf = parseBtf(writer.finish())
    assert.throws(() => fillSections(btf, new Map([[id, fill]])), message)
    assert.throws(() => fillSections(btf, new Map([[1, fill]])), /type\[1\]: is an int, not a datasec/)
  })
}

test('a subset holds a type, all that it leads to, and nothing else', () => {
  const { btf } = shapes
  const outer = btf.find('outer', 'struct')!
  const { bytes, ids } = subsetOf(btf, [outer.id])
  const subset = parseBtf(bytes)
  subset.check()
  assert.equal(
    fieldsOf(subset, ids.get(outer.id)!).map(({ path, offset, size }) => [path, offset, size]),
    fieldsOf(btf, outer.id).map(({ path, offset, size }) => [path, offset, size]),
  )
  assert.ok(subset.find('point', 'struct'))
  assert.is(subset.find('scalars'), undefined)
  assert.equal(subsetOf(subset, [...subset.ids()]).bytes, bytes)
})

test('a subset takes the tags of its declarations along', () => {
  const writer = new BtfWriter()
  writer.add(int)
  const wanted = writer.add({
    kind: 'struct',
    name: 'wanted',
    size: 4,
    members: [{ name: 'x', type: 1, bitOffset: 0, bitSize: 0 }],
  })
  const other = writer.add({ kind: 'struct', name: 'other', size: 0, members: [] })
  writer.add({ kind: 'decl_tag', name: 'sum', type: wanted, component: 0, attribute: false })
  writer.add({ kind: 'decl_tag', name: 'lost', type: other, component: -1, attribute: false })
  const subset = parseBtf(subsetOf(parseBtf(writer.finish()), [wanted]).bytes)
  assert.equal(
    [...subset].map(type => type.name),
    ['int', 'wanted', 'sum'],
  )
})

test('split BTF continues the ids and the strings of its base', () => {
  const base = shapes.btf
  const writer = new BtfWriter({ base })
  const point = base.find('point', 'struct')!
  const pointer = writer.add({ kind: 'ptr', name: '', type: point.id })
  const own = writer.add({
    kind: 'struct',
    name: 'module_state',
    size: 8,
    members: [{ name: 'at', type: pointer, bitOffset: 0, bitSize: 0 }],
  })
  const again = writer.add({ kind: 'struct', name: 'point', size: 0, members: [] })
  const split = parseBtf(writer.finish(), { base })
  split.check()
  assert.equal([split.first, split.count], [base.count + 1, base.count + 3])
  assert.is(own, base.count + 2)
  assert.is(split.find('module_state', 'struct')?.members[0]?.type, pointer)
  assert.is(split.resolve(pointer).kind, 'ptr')
  assert.is(split.type(point.id), point)
  assert.equal([...split.idsOf('point')], [point.id, again])
  assert.is(split.sizeOf(point.id), 4)
  assert.equal([...split.ids()], [pointer, own, again])
})

test('names of split BTF may lie in the strings of its base', () => {
  const base = shapes.btf
  const writer = new BtfWriter({ base })
  writer.add({ kind: 'struct', name: 'placeholder', size: 0, members: [] })
  const bytes = writer.finish()
  // the name of the first type that is called 'outer' in the base, by its offset
  const nameAt = base.records.word(base.find('outer')!.id, 0)
  new DataView(bytes.buffer).setUint32(24, nameAt, true)
  assert.is(parseBtf(bytes, { base }).nameOf(base.count + 1), 'outer')
})

test('a fault in split BTF names the id behind the base', () => {
  const base = shapes.btf
  const writer = new BtfWriter({ base })
  writer.add({ kind: 'ptr', name: '', type: 9999 })
  const split = parseBtf(writer.finish(), { base })
  assert.throws(() => split.check(), new RegExp(`type\\[${base.count + 1}\\]: refers to type 9999`))
  const bytes = writer.finish()
  bytes[24 + 7] = 0
  assert.throws(() => parseBtf(bytes, { base }), new RegExp(`type\\[${base.count + 1}\\]: is of kind 0`))
})

needs(test, 'bpftool')('bpftool reads split BTF that was written', () => {
  const base = parseBtf(shapes.btf.bytes)
  const writer = new BtfWriter({ base })
  const array = writer.add({ kind: 'ptr', name: '', type: base.find('outer', 'struct')!.id })
  writer.add({ kind: 'typedef', name: 'outer_pointer', type: array })
  const bytes = writer.finish()
  const ours = [...parseBtf(bytes, { base })].map(asDumped)
  withFile(base.bytes, basePath => {
    withFile(bytes, path => assert.equal(bpftoolTypes(path, '-B', basePath), ours))
  })
})

needs(test, '/sys/kernel/btf/vmlinux')(
  'the BTF of the kernel, written again, decodes to the same types',
  () => {
    const btf = parseBtf(readFileSync('/sys/kernel/btf/vmlinux'))
    const again = parseBtf(rewritten(btf))
    assert.is(again.count, btf.count)
    for (const type of btf) {
      const other = again.type(type.id)
      const [theirs, ours] = [asDumped(type), asDumped(other)].map(dumped => JSON.stringify(dumped))
      if (ours !== theirs) assert.equal(other, type)
    }
  },
)

function withFile(bytes: Uint8Array, use: (path: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-'))
  try {
    const path = join(directory, 'raw.btf')
    writeFileSync(path, bytes)
    use(path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test.run()
