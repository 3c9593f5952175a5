import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Btf,
  BtfWriter,
  type Field,
  fieldsOf,
  fillSections,
  holesOf,
  parseBtf,
  type TypeId,
} from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { bytesOf, openFixture, run } from './objects.ts'
import { membersByPahole } from './pahole.ts'

const shapes = openFixture('btf-shapes.bpf.o')

/** The table of offsetof, sizeof and _Alignof that the compiler wrote into the object. */
function compiledOffsets(object: typeof shapes) {
  const bytes = bytesOf(object, 'offsets')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = (at: number, length: number): string =>
    new TextDecoder().decode(bytes.subarray(at, at + length)).replace(/\0.*/s, '')
  const number = (at: number): number => view.getUint32(at, object.btf.littleEndian)
  return Array.from({ length: bytes.length / 60 }, (_, i) => {
    const at = 60 * i
    const [kind, name] = text(at, 16).split(' ')
    const [offset, size, align] = [number(at + 48), number(at + 52), number(at + 56)]
    return { kind, name, path: text(at + 16, 32), offset, size, align }
  })
}

function idOf(btf: Btf, name: string): TypeId {
  const type = btf.find(name, 'struct') ?? btf.find(name, 'union')
  if (!type) throw new Error(`there is no struct or union ${name}`)
  return type.id
}

for (const name of ['btf-shapes.bpf.o', 'btf-shapes-eb.bpf.o']) {
  const object = openFixture(name)
  const rows = compiledOffsets(object)

  test(`fields of ${name} lie where offsetof says`, () => {
    const checked = rows.filter(row => row.path !== '')
    assert.ok(checked.length > 50)
    for (const { name, path, offset, size } of checked) {
      const field = fieldsOf(object.btf, idOf(object.btf, name!)).find(candidate => candidate.path === path)
      assert.equal([path, field?.offset, field?.size], [path, offset, size])
    }
  })

  test(`types of ${name} have the size and the alignment that the compiler says`, () => {
    for (const { name, size, align } of rows.filter(row => row.path === '')) {
      const id = idOf(object.btf, name!)
      assert.is(object.btf.sizeOf(id), size, name)
      // BTF does not have the aligned(32) of a member
      assert.is(object.btf.alignOf(id), name === 'aligned' ? 1 : align, name)
    }
  })

  test(`fieldsOf finds no field in ${name} that the compiler does not know`, () => {
    const known = rows.map(row => `${row.name} ${row.path}`)
    for (const type of ['scalars', 'point', 'word', 'outer', 'aligned']) {
      for (const { path } of fieldsOf(object.btf, idOf(object.btf, type))) {
        assert.ok(known.includes(`${type} ${path}`), `${type} ${path}`)
      }
    }
  })
}

needs(test, 'pahole')('members and bitfields of the fixture lie where pahole says', () => {
  const checked = comparePahole(shapes.btf, shapes.path)
  assert.ok(checked.bitfields >= 18, `${checked.bitfields} bitfields`)
})

needs(
  test,
  'pahole',
  '/sys/kernel/btf/vmlinux',
)('members of all kernel structs lie where pahole says', () => {
  const path = '/sys/kernel/btf/vmlinux'
  const checked = comparePahole(parseBtf(readFileSync(path)), path)
  assert.ok(checked.structs > 1000, `${checked.structs} structs`)
  assert.ok(checked.members > 10_000, `${checked.members} members`)
  assert.ok(checked.bitfields > 100, `${checked.bitfields} bitfields`)
})

function comparePahole(btf: Btf, path: string) {
  const checked = { structs: 0, members: 0, bitfields: 0 }
  for (const struct of membersByPahole(run('pahole', '-F', 'btf', path))) {
    const [type, ...others] = btf.findAll(struct.name, struct.kind)
    // several types of one name: pahole does not say which one it shows
    if (!type || others.length > 0) continue
    const fields = fieldsOf(btf, type.id)
    // a bpf_spin_lock and its kin are not opened up
    if (fields[0]?.shape.kind === 'kernel' && fields[0].path === '') continue
    checked.structs++
    for (const member of struct.members) {
      const same = fields.filter(({ path }) => path === member.path)
      const inside = fields.filter(({ path }) => path.startsWith(`${member.path}.`))
      const where = `${struct.name} ${member.path}`
      if (same[0]) {
        const size = member.bitSize === 0 ? 8 * member.size : member.bitSize
        assert.is(`${where} ${same[0].bitOffset} ${same[0].bitSize}`, `${where} ${member.bitOffset} ${size}`)
      } else if (inside.length > 0) {
        assert.is(
          `${where} ${Math.min(...inside.map(field => field.bitOffset))}`,
          `${where} ${member.bitOffset}`,
        )
      } else {
        assert.is(`${where} ${member.size}`, `${where} 0`)
      }
      checked.members++
      if (member.bitSize > 0) checked.bitfields++
    }
  }
  return checked
}

test('an array is one field that holds the fields of an element', () => {
  const fields = fieldsOf(shapes.btf, idOf(shapes.btf, 'outer'))
  const shape = (path: string) => fields.find(field => field.path === path)?.shape
  const paths = (found: readonly Field[]): string[] => found.map(({ path, offset }) => `${path}@${offset}`)
  const points = shape('points')
  assert.ok(points?.kind === 'array')
  assert.equal([points.count, points.stride, paths(points.fields)], [3, 4, ['x@0', 'y@2']])
  const grid = shape('grid')
  assert.ok(grid?.kind === 'array')
  assert.equal([grid.count, grid.stride, paths(grid.fields)], [2, 12, ['@0']])
  const row = grid.fields[0]?.shape
  assert.ok(row?.kind === 'array')
  assert.equal([row.count, row.stride, paths(row.fields)], [3, 4, ['@0']])
})

test('fields that share bytes say which union they are in', () => {
  const fields = fieldsOf(shapes.btf, idOf(shapes.btf, 'outer'))
  const overlap = (path: string) => fields.find(field => field.path === path)?.overlap
  assert.equal(overlap('whole'), { path: '', offset: 8, size: 8 })
  assert.is(overlap('low'), overlap('first'))
  assert.equal(overlap('unnamed_type.word.point.y'), { path: 'unnamed_type.word', offset: 32, size: 4 })
  assert.is(overlap('tag'), undefined)
  assert.is(overlap('last'), undefined)
})

test('a type that is no struct is one field without a name', () => {
  const color = shapes.btf.find('color', 'enum')
  const [field, ...others] = fieldsOf(shapes.btf, color!.id)
  assert.is(others.length, 0)
  assert.equal([field?.path, field?.offset, field?.size, field?.shape.kind], ['', 0, 4, 'enum'])
})

test('holes are the bits between fields that pahole calls holes and padding', () => {
  const holes = (name: string) => {
    const id = idOf(shapes.btf, name)
    return holesOf(fieldsOf(shapes.btf, id), shapes.btf.sizeOf(id)).map(hole => [
      hole.bitOffset,
      hole.bitSize,
    ])
  }
  assert.equal(holes('scalars'), [
    [48, 16],
    [648, 120],
    [1056, 96],
  ])
  assert.equal(holes('bits'), [
    [32, 32],
    [133, 27],
    [177, 3],
    [182, 10],
    [280, 40],
  ])
  assert.equal(holes('packed'), [])
  assert.equal(holes('word'), [])
})

test('a data section is its variables, and a name that comes again gets a number', () => {
  const writer = new BtfWriter()
  const int = writer.add({
    kind: 'int',
    name: 'int',
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
  const point = writer.add({
    kind: 'struct',
    name: 'point',
    size: 8,
    members: [member('x', int, 0), member('y', int, 32)],
  })
  const first = writer.add({ kind: 'var', name: 'count', type: int, linkage: 'static' })
  const second = writer.add({ kind: 'var', name: 'count', type: int, linkage: 'static' })
  const third = writer.add({ kind: 'var', name: 'at', type: point, linkage: 'global' })
  const variables = [first, second, third].map(type => ({ type, offset: 0, size: type === third ? 8 : 4 }))
  const data = writer.add({ kind: 'datasec', name: '.data', size: 0, variables })
  const empty = parseBtf(writer.finish())
  assert.throws(() => fieldsOf(empty, data), /type\[6\]: section \.data has no offsets yet/)
  const filled = parseBtf(fillSections(empty, new Map([[data, { size: 16, offsets: [4, 0, 8] }]])))
  assert.equal(
    fieldsOf(filled, data).map(({ path, offset }) => `${path}@${offset}`),
    ['count@0', 'count~1@4', 'at.x@8', 'at.y@12'],
  )
})

test('structs of the kernel and kernel pointers in a map value say what they are', () => {
  const writer = new BtfWriter()
  const u64 = writer.add({
    kind: 'int',
    name: 'u64',
    size: 8,
    signed: false,
    char: false,
    bool: false,
    bits: 64,
    bitOffset: 0,
  })
  const timer = writer.add({
    kind: 'struct',
    name: 'bpf_timer',
    size: 8,
    members: [member('__opaque', u64, 0)],
  })
  const task = writer.add({ kind: 'fwd', name: 'task_struct', of: 'struct' })
  const tag = writer.add({ kind: 'type_tag', name: 'kptr', type: task, attribute: false })
  const pointer = writer.add({ kind: 'ptr', name: '', type: tag })
  const members = [member('timer', timer, 0), member('task', pointer, 64)]
  const value = writer.add({ kind: 'struct', name: 'value', size: 16, members })
  const [first, second] = fieldsOf(parseBtf(writer.finish()), value)
  assert.equal(first?.shape, { kind: 'kernel', name: 'bpf_timer' })
  assert.equal(second?.shape, { kind: 'pointer', target: tag, tags: ['kptr'] })
})

test('a struct that holds itself is refused', () => {
  const writer = new BtfWriter()
  const self = writer.nextId
  writer.add({ kind: 'struct', name: 'self', size: 8, members: [member('again', self, 0)] })
  const btf = parseBtf(writer.finish())
  assert.throws(() => fieldsOf(btf, self), /\.BTF\/type\[1\]: holds itself, or is nested more than 32 deep/)
  assert.throws(() => btf.alignOf(self), /\.BTF\/type\[1\]: holds itself, or is nested more than 32 deep/)
  assert.throws(() => btf.check(), /\.BTF\/type\[1\]: is part of itself/)
})

test('structs that double 30 times are refused at once', () => {
  const writer = new BtfWriter()
  let id = writer.add({ kind: 'struct', name: 's0', size: 0, members: [] })
  for (let i = 1; i <= 30; i++) {
    id = writer.add({
      kind: 'struct',
      name: `s${i}`,
      size: 0,
      members: [member('a', id, 0), member('b', id, 0)],
    })
  }
  const btf = parseBtf(writer.finish())
  const before = performance.now()
  assert.throws(() => fieldsOf(btf, id), /leads to more than 65536 fields/)
  assert.ok(performance.now() - before < 20_000)
})

function member(name: string, type: TypeId, bitOffset: number) {
  return { name, type, bitOffset, bitSize: 0 }
}

test.run()
