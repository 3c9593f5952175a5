import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, createCodec, parseBtf, type TypeId, type Value } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { bytesOf, openFixture, run } from './objects.ts'
import { member, plainInt } from './types.ts'

// What test/fixtures/btf-shapes.bpf.c initialises its variables with; the bytes are the compiler's.
const values: Readonly<Record<string, Value>> = {
  scalars: {
    a: 200,
    b: -100,
    c: 60000,
    d: -30000,
    e: 4000000000,
    f: -2000000000,
    g: 0xfedcba9876543210n,
    h: -0x123456789abcdef0n,
    yes: true,
    no: false,
    letter: 120,
    byte: 0xff,
    single: 1.5,
    precise: -0.1,
    pointer: 0x1122334455667788n,
    color: 'BLUE',
    level: 'TOP',
    wide: 'HUGE',
    deep: 'BELOW',
    tiny: 'ALL',
    huge: -0x0123456789abcdef1122334455667788n,
    unsigned_huge: 0xfedcba98765432100011223344556677n,
    qualified: 7,
  },
  bits: {
    a: 1,
    b: 5,
    c: -9,
    d: 0x5a5a5a,
    e: 0xa1b2c3d4e5n,
    f: -0x654321,
    g: 'BLUE',
    h: true,
    i: 0x1abcd,
    j: 2,
    k: 0x8877665544332211n,
    l: 0xbeef,
    m: 3,
    n: -20,
  },
  packed: {
    a: 0xa5,
    b: 0xdeadbeef,
    c: 0x1fedcba98n,
    d: 0xabcdef012345678n,
    e: 5,
    f: -0x3abcdef0,
    g: -1,
    h: 0x1234,
  },
  aligned: { a: 1, c: { b: 2 }, d: 3 },
  number: 0x12345678,
  color: 'GREEN',
  matrix: [
    [1, -2],
    [3, -4],
  ],
  tail: { length: 1, nothing: {}, none: [], items: [] },
}

const outer = (littleEndian: boolean): Value => ({
  tag: 1,
  whole: littleEndian ? 0x2222222211111111n : 0x1111111122222222n,
  low: 0x11111111,
  high: 0x22222222,
  first: 0x11,
  inlined: 3,
  deeper: 4,
  named: { x: -5, y: 6 },
  unnamed_type: { kind: 7, word: wordOf([-8, 9], littleEndian) },
  points: [
    { x: 10, y: 11 },
    { x: 12, y: 13 },
    { x: -14, y: -15 },
  ],
  grid: [
    [16, 17, 18],
    [19, 20, 21],
  ],
  text: 'café',
  full: 'full',
  names: ['ab', 'cde'],
  raw: Uint8Array.of(22, 0, 23, 0, 24),
  signed_bytes: [-1, 0, 1],
  flags: [true, false],
  colors: ['GREEN', 4],
  words: [
    wordOf(littleEndian ? [-0x3323, -0x5545] : [-0x5545, -0x3323], littleEndian),
    wordOf([1, 2], littleEndian),
  ],
  pointers: [1n, 0xffffffffffffffffn],
  last: 25n,
})

/** All members of `union word`, from its two halves. */
function wordOf([x, y]: readonly [number, number] | number[], littleEndian: boolean): Value {
  const view = new DataView(new ArrayBuffer(4))
  view.setInt16(0, x!, littleEndian)
  view.setInt16(2, y!, littleEndian)
  return {
    whole: view.getUint32(0, littleEndian),
    halves: [x! & 0xffff, y! & 0xffff],
    bytes: new Uint8Array(view.buffer),
    point: { x: x!, y: y! },
  }
}

for (const [name, order] of [
  ['btf-shapes.bpf.o', 'little'],
  ['btf-shapes-eb.bpf.o', 'big'],
] as const) {
  const object = openFixture(name)
  const littleEndian = order === 'little'
  const codecOf = (variable: string) => createCodec(object.btf, object.btf.find(variable, 'var')!.id)
  const expected: Readonly<Record<string, Value>> = {
    ...values,
    word: wordOf(littleEndian ? [0x304, 0x102] : [0x102, 0x304], littleEndian),
    outer: outer(littleEndian),
  }

  for (const [variable, value] of Object.entries(expected)) {
    test(`'${variable}' decodes to what its ${order}-endian initialiser says`, () => {
      const bytes = bytesOf(object, variable)
      const codec = codecOf(variable)
      assert.is(codec.size, bytes.length)
      assert.equal(codec.decode(bytes), value)
    })

    test(`'${variable}' encodes to the ${order}-endian bytes that the compiler wrote`, () => {
      const bytes = new Uint8Array(bytesOf(object, variable).length).fill(0xee)
      codecOf(variable).encode(value, bytes)
      assert.equal([...bytes], [...bytesOf(object, variable)])
    })
  }
}

needs(
  test,
  'gcc',
  'nm',
)('what is encoded is what gcc writes for this machine', () => {
  const object = openFixture('btf-shapes.bpf.o')
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-'))
  try {
    const native = join(directory, 'shapes.o')
    const source = fileURLToPath(new URL('../fixtures/btf-shapes.bpf.c', import.meta.url))
    run('gcc', '-O2', '-c', source, '-o', native)
    run('objcopy', '-O', 'binary', '-j', '.data.values', native, join(directory, 'values'))
    const values = readFileSync(join(directory, 'values'))
    const symbols = run('nm', '-S', native).matchAll(/^(\w+) (\w+) D (\w+)$/gm)
    let compared = 0
    for (const [, start, size, name] of symbols) {
      if (!(name! in expectedValues())) continue
      const codec = createCodec(object.btf, object.btf.find(name!, 'var')!.id)
      const bytes = new Uint8Array(Number.parseInt(size!, 16))
      codec.encode(expectedValues()[name!]!, bytes)
      const at = Number.parseInt(start!, 16)
      assert.equal([...bytes], [...values.subarray(at, at + bytes.length)], name)
      compared++
    }
    assert.is(compared, 9)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

function expectedValues(): Readonly<Record<string, Value>> {
  const { tail: _, ...others } = values
  return { ...others, word: wordOf([0x304, 0x102], true), outer: outer(true) }
}

test('a value is found at its offset, in a Uint8Array and in a DataView that start anywhere', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const codec = createCodec(btf, btf.find('point', 'struct')!.id)
  const buffer = new ArrayBuffer(32)
  codec.encode({ x: 1, y: -2 }, new Uint8Array(buffer, 8), 4)
  assert.equal([...new Uint8Array(buffer, 12, 4)], [1, 0, 0xfe, 0xff])
  assert.equal(codec.decode(new DataView(buffer, 4), 8), { x: 1, y: -2 })
})

test('bytes are copied out, not looked at', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const bytes = Uint8Array.of(1, 2, 3, 4)
  const word = createCodec(btf, btf.find('word', 'union')!.id).decode(Buffer.from(bytes.buffer))
  bytes.fill(9)
  assert.equal((word as { bytes: Value }).bytes, Uint8Array.of(1, 2, 3, 4))
})

test('padding is written as zeros', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const bytes = new Uint8Array(96).fill(0xff)
  createCodec(btf, btf.find('aligned', 'struct')!.id).encode({ a: 1, c: { b: 2 }, d: 3 }, bytes)
  assert.equal(
    [...bytes.entries()].filter(([, byte]) => byte !== 0),
    [
      [0, 1],
      [32, 2],
      [64, 3],
    ],
  )
})

test('a member of an anonymous union is written through the struct around it', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const codec = createCodec(btf, btf.find('outer', 'struct')!.id)
  const bytes = new Uint8Array(codec.size)
  const { whole: _, first: __, ...halves } = outer(true) as { [name: string]: Value }
  codec.encode(halves, bytes)
  assert.is((codec.decode(bytes) as { whole: Value }).whole, 0x2222222211111111n)
  const { low: ___, ...half } = halves
  assert.throws(() => codec.encode(half, bytes), /^value\.low: is missing$/)
  const { low: ____, high: _____, ...none } = halves
  assert.throws(
    () => codec.encode(none, bytes),
    /no member of the union is given, which has whole, low, high, first/,
  )
})

test('a data section is an object of its variables', () => {
  const writer = new BtfWriter()
  const int = writer.add(plainInt('int', 4, true))
  const variables = ['first', 'second', 'first'].map((name, i) => {
    return { type: writer.add({ kind: 'var', name, type: int, linkage: 'static' }), offset: 4 * i, size: 4 }
  })
  const data = writer.add({ kind: 'datasec', name: '.data', size: 12, variables })
  const section = createCodec(parseBtf(writer.finish()), data)
  assert.equal(section.decode(Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0)), {
    first: 1,
    second: 2,
    'first~1': 3,
  })
})

test('a field called __proto__ is a field like any other', () => {
  const writer = new BtfWriter()
  const int = writer.add(plainInt('int', 4, true))
  const struct = writer.add({ kind: 'struct', name: 's', size: 4, members: [member('__proto__', int, 0)] })
  const codec = createCodec(parseBtf(writer.finish()), struct)
  const value = codec.decode(Uint8Array.of(7, 0, 0, 0))
  assert.equal(Object.entries(value), [['__proto__', 7]])
  const bytes = new Uint8Array(4)
  codec.encode(value, bytes)
  assert.equal([...bytes], [7, 0, 0, 0])
})

test('a field named like something that every object has can be missing', () => {
  const writer = new BtfWriter()
  const int = writer.add(plainInt('int', 4, true))
  const struct = writer.add({ kind: 'struct', name: 's', size: 4, members: [member('constructor', int, 0)] })
  const codec = createCodec(parseBtf(writer.finish()), struct)
  assert.throws(() => codec.encode({}, new Uint8Array(4)), /^value\.constructor: is missing$/)
})

test('64-bit integers are written from exact numbers as from bigints, in both byte orders', () => {
  const numbers = [0, -0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 1e15, Number.MAX_SAFE_INTEGER]
  for (const littleEndian of [true, false]) {
    const writer = new BtfWriter({ littleEndian })
    const signed = writer.add(plainInt('long', 8, true))
    const unsigned = writer.add(plainInt('unsigned long', 8, false))
    const btf = parseBtf(writer.finish())
    const wanted = new DataView(new ArrayBuffer(8))
    const got = new Uint8Array(8)
    for (const number of numbers) {
      wanted.setBigUint64(0, BigInt(number), littleEndian)
      createCodec(btf, unsigned).encode(number, got)
      assert.equal([...got], [...new Uint8Array(wanted.buffer)], `u64 ${number}`)
      wanted.setBigInt64(0, -BigInt(number), littleEndian)
      createCodec(btf, signed).encode(-number, got)
      assert.equal([...got], [...new Uint8Array(wanted.buffer)], `s64 ${-number}`)
    }
    assert.throws(() => createCodec(btf, unsigned).encode(-1, got), /-1 does not fit u64/)
    assert.throws(
      () => createCodec(btf, signed).encode(2 ** 53, got),
      /9007199254740992 is not exact as a number/,
    )
  }
})

test('fields may be given in any order', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const codec = createCodec(btf, btf.find('point', 'struct')!.id)
  for (const point of [
    { x: 1, y: -2 },
    { y: -2, x: 1 },
  ]) {
    const bytes = new Uint8Array(4)
    codec.encode(point, bytes)
    assert.equal([...bytes], [1, 0, 0xfe, 0xff])
    assert.throws(() => codec.encode({ ...point, x: 70000 }, bytes), /^value\.x: 70000 does not fit s16/)
    assert.throws(() => codec.encode({ ...point, y: 70000 }, bytes), /^value\.y: 70000 does not fit s16/)
    assert.throws(() => codec.encode({ x: 1, z: 2 }, bytes), /^value: there is no field 'z'/)
  }
})

test('thousands of texts are decoded each as it is, the same one again and again, too', () => {
  const writer = new BtfWriter()
  const char = writer.add(plainInt('char', 1, true))
  const index = writer.add(plainInt('int', 4, true))
  const array = writer.add({ kind: 'array', name: '', elementType: char, indexType: index, length: 16 })
  const codec = createCodec(parseBtf(writer.finish()), array)
  const texts = Array.from({ length: 5000 }, (_, i) => (i * 7919).toString(36).repeat(1 + (i % 3)))
  for (const text of ['', 'a', 'ab', 'ba', 'fifteen letters', 'sixteen letters!', 'größer', ...texts]) {
    const bytes = Buffer.alloc(16)
    bytes.write(text)
    for (let again = 0; again < 2; again++) assert.is(codec.decode(bytes), text)
  }
})

test('bitfields from before Linux 4.20, told by their int type, are bitfields', () => {
  const writer = new BtfWriter()
  const three = writer.add({ ...plainInt('unsigned int', 4, false), bits: 3 })
  const five = writer.add({ ...plainInt('int', 4, true), bits: 5, bitOffset: 3 })
  const members = [member('three', three, 0), member('five', five, 0), member('next', three, 8)]
  const struct = writer.add({ kind: 'struct', name: 'old', size: 4, members })
  const codec = createCodec(parseBtf(writer.finish()), struct)
  assert.equal(codec.decode(Uint8Array.of(0b11111_101, 0b010, 0, 0)), { three: 5, five: -1, next: 2 })
})

test('types that have no values are refused', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const proto = [...btf].find(type => type.kind === 'func_proto')!
  assert.throws(() => createCodec(btf, proto.id), /type \d+ \(func_proto\) has no size/)
  assert.throws(() => createCodec(btf, 0), /\.BTF\/type\[0\]: type 0 \(void\) has no size/)
  const section = btf.find('.bss', 'datasec')!
  assert.throws(() => createCodec(btf, section.id), /section \.bss has no offsets yet/)
})

test('an array of 4 billion empty structs is refused at once', () => {
  const writer = new BtfWriter()
  const empty = writer.add({ kind: 'struct', name: 'empty', size: 0, members: [] })
  const int = writer.add(plainInt('int', 4, true))
  const array = writer.add({
    kind: 'array',
    name: '',
    elementType: empty,
    indexType: int,
    length: 0xffffffff,
  })
  assert.throws(
    () => createCodec(parseBtf(writer.finish()), array),
    /a value of 0 bytes holds \d+ values, more than the 65536 allowed/,
  )
})

test('a struct that holds itself, by a name or anonymously, has no codec', () => {
  for (const name of ['again', '']) {
    const writer = new BtfWriter()
    const self = writer.nextId
    writer.add({ kind: 'struct', name: 'self', size: 8, members: [member(name, self, 0)] })
    assert.throws(() => createCodec(parseBtf(writer.finish()), self), /type\[1\]: holds itself/)
  }
})

test('anonymous structs that double 30 times are refused at once', () => {
  const writer = new BtfWriter()
  let id: TypeId = writer.add({ kind: 'struct', name: 's0', size: 0, members: [] })
  for (let i = 1; i <= 30; i++) {
    id = writer.add({ kind: 'struct', name: '', size: 0, members: [member('', id, 0), member('', id, 0)] })
  }
  assert.throws(() => createCodec(parseBtf(writer.finish()), id), /leads to more than 262144 members/)
})

test.run()
