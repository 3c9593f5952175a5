import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'

// A blob of one type, `int`, and the strings '' 'int' 'x'.
const header = '9feb0100 18000000 00000000 10000000 10000000 07000000'
const types = '01000000 00000001 04000000 20000001'
const strings = '00696e740078 00'
const sound = `${header} ${types} ${strings}`

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], byte => Number.parseInt(byte, 16))
}

function refuses(bytes: Uint8Array, message: string): void {
  try {
    parseBtf(bytes).check()
    assert.unreachable('it was accepted')
  } catch (error) {
    assert.is((error as Error).message, message)
    assert.is((error as Error).name, 'BtfError')
    assert.is((error as { code?: string }).code, 'ERR_BTF')
  }
}

test('the blob that the guards are tried on is sound', () => {
  const btf = parseBtf(hex(sound))
  btf.check()
  assert.equal(btf.type(1), {
    kind: 'int',
    id: 1,
    name: 'int',
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
})

const malformed: readonly (readonly [what: string, blob: string, message: string])[] = [
  ['nothing', '', '.BTF/header: 0 bytes are too few for a header'],
  ['one byte', '9f', '.BTF/header: 1 bytes are too few for a header'],
  ['half a header', '9feb0100 18000000', '.BTF/header: 8 bytes are too few for a header of 24'],
  [
    'another magic',
    sound.replace('9feb', '9fec'),
    ".BTF/header/magic: is bytes 9f ec, not BTF's 0xeb9f in either byte order",
  ],
  [
    'another version',
    sound.replace('9feb01', '9feb02'),
    '.BTF/header/version: is 2; only version 1 is known',
  ],
  ['flags', sound.replace('9feb0100', '9feb0104'), '.BTF/header/flags: is 0x4; no flag is known'],
  [
    'a header that is too short',
    sound.replace('18000000', '17000000'),
    '.BTF/header/hdr_len: is 23, less than the 24 bytes needed',
  ],
  [
    'a header longer than the blob',
    sound.replace('18000000', '18000001'),
    '.BTF/header/hdr_len: is 16777240, more than the 47 bytes there are',
  ],
  [
    'types that start outside',
    sound.replace('00000000 10000000 1', '00000001 10000000 1'),
    '.BTF/types: ends at byte 16777256, outside the 47 bytes there are',
  ],
  [
    'types that end outside',
    sound.replace('00000000 10000000 1', '00000000 18000000 1'),
    '.BTF/types: ends at byte 48, outside the 47 bytes there are',
  ],
  [
    'types whose end wraps around',
    sound.replace('00000000 10000000 1', 'f0ffffff 20000000 1'),
    '.BTF/types: ends at byte 4294967336, outside the 47 bytes there are',
  ],
  [
    'types that are not aligned',
    sound.replace('00000000 10000000 1', '02000000 0e000000 1'),
    '.BTF/types: starts at byte 26, which is not a multiple of 4',
  ],
  [
    'strings that end outside',
    sound.replace('07000000', '08000000'),
    '.BTF/strings: ends at byte 48, outside the 47 bytes there are',
  ],
  [
    'strings over the types',
    sound.replace('10000000 07000000', '08000000 07000000'),
    '.BTF/strings: overlaps the type section',
  ],
  [
    'no strings',
    sound.replace('07000000', '00000000'),
    '.BTF/strings: is empty; it must hold the empty name at least',
  ],
  [
    'strings that do not start with a NUL',
    sound.replace('00696e74', '61696e74'),
    '.BTF/strings: does not start with a NUL, the empty name',
  ],
  [
    'strings that do not end with a NUL',
    sound.replace('0078 00', '0078 79'),
    '.BTF/strings: does not end with a NUL',
  ],
  [
    'the rest of a type missing',
    sound.replace('00000000 10000000 1', '00000000 0c000000 1'),
    '.BTF/type[1]: an int with 0 entries goes beyond the end of the type section',
  ],
  [
    'a rest of less than a type',
    sound.replace('00000000 10000000 1', '00000000 08000000 1'),
    '.BTF/type[1]: starts 8 bytes before the end of the type section; a type has 12 at least',
  ],
]

for (const [what, blob, message] of malformed) {
  test(`a blob with ${what} is refused`, () => refuses(hex(blob), message))
}

// Kinds by number, for the heads below.
const [INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
const [FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64] = [12, 13, 14, 15, 16, 17, 18, 19]

const NAME = 1
const int = [NAME, info(INT), 4, 0x01000020]
const proto = [0, info(FUNC_PROTO), 0]

function info(kind: number, vlen = 0, flag = 0): number {
  return ((flag << 31) | (kind << 24) | vlen) >>> 0
}

/** A blob of these types, with the strings '' and 'x'. */
function blobOf(...types: readonly (readonly number[])[]): Uint8Array {
  const words = types.flat()
  const length = 4 * words.length
  const bytes = new Uint8Array(24 + length + 3)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of [0x0001eb9f, 24, 0, length, length, 3, ...words].entries()) {
    view.setUint32(4 * i, word, true)
  }
  bytes[24 + length + 1] = 0x78
  return bytes
}

const struct = (size: number, ...members: number[][]): number[] => [
  NAME,
  info(STRUCT, members.length),
  size,
  ...members.flat(),
]
const bits = (size: number, ...members: number[][]): number[] => [
  NAME,
  info(STRUCT, members.length, 1),
  size,
  ...members.flat(),
]

const broken: readonly (readonly [what: string, types: readonly (readonly number[])[], message: string])[] = [
  ['kind 0', [[0, info(0), 0]], '.BTF/type[1]: is of kind 0; known are 1 (int) to 19 (enum64)'],
  ['kind 20', [int, [0, info(20), 0]], '.BTF/type[2]: is of kind 20; known are 1 (int) to 19 (enum64)'],
  [
    'a name outside the strings',
    [[3, info(PTR), 0]],
    '.BTF/type[1]: has its name at 3, outside the 3 bytes of strings',
  ],
  [
    'more members than there are',
    [[0, info(STRUCT, 0xffff), 0]],
    '.BTF/type[1]: a struct with 65535 entries goes beyond the end of the type section',
  ],
  [
    'reserved bits set',
    [[0, info(PTR) | 0x10000, 0]],
    '.BTF/type[1]: sets reserved bits of its info word, 0x02010000',
  ],
  [
    'a kind flag on a pointer',
    [[0, info(PTR, 0, 1), 0]],
    '.BTF/type[1]: has the kind flag, which a ptr does not have',
  ],
  ['entries in a pointer', [[0, info(PTR, 2), 0]], '.BTF/type[1]: counts 2 entries, but a ptr has none'],
  ['a typedef without a name', [[0, info(TYPEDEF), 0]], '.BTF/type[1]: has no name, which a typedef needs'],
  ['an int of 17 bytes', [[NAME, info(INT), 17, 8]], '.BTF/type[1]: is 17 bytes; an int has 1 to 16'],
  ['an int of no bytes', [[NAME, info(INT), 0, 0]], '.BTF/type[1]: is 0 bytes; an int has 1 to 16'],
  ['an int of no bits', [[NAME, info(INT), 4, 0]], '.BTF/type[1]: is 0 bits wide; an int has 1 to 128'],
  [
    'an int of too many bits',
    [[NAME, info(INT), 16, 129]],
    '.BTF/type[1]: is 129 bits wide; an int has 1 to 128',
  ],
  ['an int whose bits do not fit', [[NAME, info(INT), 4, 33]], '.BTF/type[1]: has bits 0 to 33 in 4 bytes'],
  [
    'an int whose bits start too late',
    [[NAME, info(INT), 4, 0x00010020]],
    '.BTF/type[1]: has bits 1 to 33 in 4 bytes',
  ],
  [
    'an int of unknown encoding',
    [[NAME, info(INT), 4, 0x08000020]],
    '.BTF/type[1]: has encoding 8; known are 1 (signed), 2 (char) and 4 (bool)',
  ],
  [
    'an int with reserved bits',
    [[NAME, info(INT), 4, 0x00000120]],
    '.BTF/type[1]: sets reserved bits of its int word, 0x120',
  ],
  ['a float of 3 bytes', [[NAME, info(FLOAT), 3]], '.BTF/type[1]: is 3 bytes; a float has 2, 4, 8, 12 or 16'],
  ['an enum of 3 bytes', [[NAME, info(ENUM), 3]], '.BTF/type[1]: is 3 bytes; an enum has 1, 2, 4 or 8'],
  [
    'an enum64 of 16 bytes',
    [[NAME, info(ENUM64), 16]],
    '.BTF/type[1]: is 16 bytes; an enum has 1, 2, 4 or 8',
  ],
  [
    'an enumerator named outside',
    [[NAME, info(ENUM, 2), 4, NAME, 0, 3, 1]],
    '.BTF/type[1]/value[1]: has its name at 3, outside the 3 bytes of strings',
  ],
  [
    'a 64-bit enumerator named outside',
    [[NAME, info(ENUM64, 1), 8, 9, 1, 0]],
    '.BTF/type[1]/value[0]: has its name at 9, outside the 3 bytes of strings',
  ],
  ['a pointer to no type', [[0, info(PTR), 2]], '.BTF/type[1]: refers to type 2, but the ids end at 1'],
  [
    'a pointer to a func',
    [proto, [NAME, info(FUNC), 1], [0, info(PTR), 2]],
    '.BTF/type[3]: refers to type 2, a func, which is not the type of a value',
  ],
  [
    'a const variable declaration',
    [int, [NAME, info(VAR), 1, 0], [0, info(CONST), 2]],
    '.BTF/type[3]: refers to type 2, a var, which is not the type of a value',
  ],
  ['an array of void', [int, [0, info(ARRAY), 0, 0, 1, 4]], '.BTF/type[2]/element: is of type void'],
  [
    'an array of no type',
    [int, [0, info(ARRAY), 0, 9, 1, 4]],
    '.BTF/type[2]/element: refers to type 9, but the ids end at 2',
  ],
  [
    'an array indexed by no type',
    [int, [0, info(ARRAY), 0, 1, 9, 4]],
    '.BTF/type[2]/index: refers to type 9, but the ids end at 2',
  ],
  [
    'an array indexed by a pointer',
    [int, [0, info(PTR), 1], [0, info(ARRAY), 0, 1, 2, 4]],
    '.BTF/type[3]/index: is a ptr, not an int',
  ],
  [
    'an array of functions',
    [int, proto, [0, info(ARRAY), 0, 2, 1, 4]],
    '.BTF/type[3]: type 3 (array) has no size',
  ],
  [
    'an array over 4 GiB',
    [int, [0, info(ARRAY), 0, 1, 1, 0x40000000]],
    '.BTF/type[2]: type 2 is larger than 4 GiB',
  ],
  [
    'arrays of arrays over 4 GiB',
    [int, [0, info(ARRAY), 0, 1, 1, 0x10000], [0, info(ARRAY), 0, 2, 1, 0x10000]],
    '.BTF/type[3]: type 3 is larger than 4 GiB',
  ],
  [
    'a member named outside',
    [int, struct(4, [7, 1, 0])],
    '.BTF/type[2]/member[0]: has its name at 7, outside the 3 bytes of strings',
  ],
  [
    'a member of type void',
    [int, struct(8, [NAME, 1, 0], [NAME, 0, 32])],
    '.BTF/type[2]/member[1]: is of type void',
  ],
  [
    'a member of no type',
    [int, struct(4, [NAME, 3, 0])],
    '.BTF/type[2]/member[0]: refers to type 3, but the ids end at 2',
  ],
  [
    'a member that is a forward declaration',
    [[NAME, info(FWD), 0], struct(4, [NAME, 1, 0])],
    '.BTF/type[2]/member[0]: type 1 (fwd) has no size',
  ],
  [
    'a member that is a function',
    [proto, struct(8, [NAME, 1, 0])],
    '.BTF/type[2]/member[0]: type 1 (func_proto) has no size',
  ],
  [
    'a member that ends outside',
    [int, struct(4, [NAME, 1, 8])],
    '.BTF/type[2]/member[0]: ends at bit 40, but the struct ends at bit 32',
  ],
  [
    'a union member that is larger',
    [int, [NAME, info(UNION, 1), 2, NAME, 1, 0]],
    '.BTF/type[2]/member[0]: ends at bit 32, but the union ends at bit 16',
  ],
  [
    'a member between bytes',
    [int, struct(8, [NAME, 1, 4])],
    '.BTF/type[2]/member[0]: starts at bit 4, inside a byte, and is not a bitfield',
  ],
  [
    'a bitfield wider than its int',
    [int, bits(8, [NAME, 1, (33 << 24) | 0])],
    '.BTF/type[2]/member[0]: is a bitfield of 33 bits in a type of 32',
  ],
  [
    'a bitfield that ends outside',
    [int, bits(4, [NAME, 1, (5 << 24) | 28])],
    '.BTF/type[2]/member[0]: ends at bit 33, but the struct ends at bit 32',
  ],
  [
    'an old bitfield that ends outside',
    [[NAME, info(INT), 4, 0x00000005], struct(4, [NAME, 1, 28])],
    '.BTF/type[2]/member[0]: ends at bit 33, but the struct ends at bit 32',
  ],
  [
    'a func of an int',
    [int, [NAME, info(FUNC), 1]],
    '.BTF/type[2]: refers to type 1, an int; a func needs a func_proto',
  ],
  [
    'a func of void',
    [[NAME, info(FUNC), 0]],
    '.BTF/type[1]: refers to type 0, a void; a func needs a func_proto',
  ],
  ['a func of no type', [[NAME, info(FUNC), 8]], '.BTF/type[1]: refers to type 8, but the ids end at 1'],
  [
    'a func of unknown linkage',
    [proto, [NAME, info(FUNC, 3), 1]],
    '.BTF/type[2]: has linkage 3; known are 0 to 2',
  ],
  ['a func without a name', [proto, [0, info(FUNC), 1]], '.BTF/type[2]: has no name, which a func needs'],
  [
    'a result of no type',
    [[0, info(FUNC_PROTO), 7]],
    '.BTF/type[1]/return: refers to type 7, but the ids end at 1',
  ],
  [
    'a parameter of no type',
    [[0, info(FUNC_PROTO, 1), 0, NAME, 7]],
    '.BTF/type[1]/param[0]: refers to type 7, but the ids end at 1',
  ],
  [
    'a parameter of type void',
    [int, [0, info(FUNC_PROTO, 2), 0, 0, 0, NAME, 1]],
    '.BTF/type[2]/param[0]: is of type void',
  ],
  [
    'a named rest of parameters',
    [[0, info(FUNC_PROTO, 1), 0, NAME, 0]],
    '.BTF/type[1]/param[0]: is of type void',
  ],
  [
    'a parameter named outside',
    [int, [0, info(FUNC_PROTO, 1), 0, 5, 1]],
    '.BTF/type[2]/param[0]: has its name at 5, outside the 3 bytes of strings',
  ],
  ['a var without a name', [int, [0, info(VAR), 1, 0]], '.BTF/type[2]: has no name, which a var needs'],
  [
    'a var of unknown linkage',
    [int, [NAME, info(VAR), 1, 3]],
    '.BTF/type[2]: has linkage 3; known are 0 to 2',
  ],
  ['a var of no type', [[NAME, info(VAR), 5, 0]], '.BTF/type[1]: refers to type 5, but the ids end at 1'],
  ['a datasec without a name', [[0, info(DATASEC), 0]], '.BTF/type[1]: has no name, which a datasec needs'],
  [
    'a datasec of ints',
    [int, [NAME, info(DATASEC, 1), 4, 1, 0, 4]],
    '.BTF/type[2]/variable[0]: refers to type 1, an int; expected a var',
  ],
  [
    'a datasec of no type',
    [[NAME, info(DATASEC, 1), 4, 9, 0, 4]],
    '.BTF/type[1]/variable[0]: refers to type 9, but the ids end at 1',
  ],
  [
    'a variable outside its datasec',
    [int, [NAME, info(VAR), 1, 0], [NAME, info(DATASEC, 1), 4, 2, 1, 4]],
    '.BTF/type[3]/variable[0]: ends at byte 5, but the section at 4',
  ],
  [
    'a variable smaller than its type',
    [int, [NAME, info(VAR), 1, 0], [NAME, info(DATASEC, 1), 8, 2, 4, 2]],
    '.BTF/type[3]/variable[0]: has 2 bytes, but its type has 4',
  ],
  [
    'a type tag without a name',
    [int, [0, info(TYPE_TAG), 1]],
    '.BTF/type[2]: has no name, which a type_tag needs',
  ],
  [
    'a type tag on no type',
    [[NAME, info(TYPE_TAG), 4]],
    '.BTF/type[1]: refers to type 4, but the ids end at 1',
  ],
  [
    'a declaration tag without a name',
    [struct(0), [0, info(DECL_TAG), 1, 0xffffffff]],
    '.BTF/type[2]: has no name, which a decl_tag needs',
  ],
  [
    'a declaration tag on an int',
    [int, [NAME, info(DECL_TAG), 1, 0xffffffff]],
    '.BTF/type[2]: tags type 1, an int, which is not a declaration',
  ],
  [
    'a declaration tag on no type',
    [[NAME, info(DECL_TAG), 3, 0xffffffff]],
    '.BTF/type[1]: refers to type 3, but the ids end at 1',
  ],
  [
    'a declaration tag on no member',
    [int, struct(4, [NAME, 1, 0]), [NAME, info(DECL_TAG), 2, 1]],
    '.BTF/type[3]: tags part 1 of type 2, which has 1',
  ],
  [
    'a declaration tag on part -2',
    [struct(0), [NAME, info(DECL_TAG), 1, 0xfffffffe]],
    '.BTF/type[2]: tags part -2 of type 1, which has 0',
  ],
  [
    'a declaration tag on a part of a var',
    [int, [NAME, info(VAR), 1, 0], [NAME, info(DECL_TAG), 2, 0]],
    '.BTF/type[3]: tags part 0 of type 2, which has 0',
  ],
  [
    'a struct that holds itself',
    [struct(4, [NAME, 1, 0])],
    '.BTF/type[1]: is part of itself, through type 1',
  ],
  [
    'a struct that holds itself in an array',
    [int, [0, info(ARRAY), 0, 3, 1, 1], struct(4, [NAME, 2, 0])],
    '.BTF/type[2]: is part of itself, through type 3',
  ],
  [
    'typedefs in a circle',
    [
      [NAME, info(TYPEDEF), 2],
      [NAME, info(TYPEDEF), 1],
    ],
    '.BTF/type[1]: is part of itself, through type 2',
  ],
  ['a pointer to itself', [[0, info(PTR), 1]], '.BTF/type[1]: is part of itself, through type 1'],
  [
    'a pointer to itself through const',
    [
      [0, info(CONST), 2],
      [0, info(PTR), 1],
    ],
    '.BTF/type[1]: is part of itself, through type 2',
  ],
  [
    'an array of itself',
    [int, [0, info(ARRAY), 0, 2, 1, 1]],
    '.BTF/type[2]: type 2 leads through more than 32 types before its size is known',
  ],
]

for (const [what, types, message] of broken) {
  test(`a blob with ${what} is refused`, () => refuses(blobOf(...types), message))
}

const fine: readonly (readonly [what: string, types: readonly (readonly number[])[]])[] = [
  ['a struct that points to itself', [[0, info(PTR), 2], struct(8, [NAME, 1, 0])]],
  [
    'a struct that points to itself by a typedef',
    [[0, info(PTR), 2], [NAME, info(TYPEDEF), 3], struct(8, [NAME, 1, 0])],
  ],
  [
    'a function that takes itself',
    [
      [0, info(PTR), 2],
      [0, info(FUNC_PROTO, 1), 0, NAME, 1],
    ],
  ],
  ['`...` at the end of parameters', [int, [0, info(FUNC_PROTO, 2), 1, NAME, 1, 0, 0]]],
  [
    'an array of length 0 at the end of a struct',
    [int, [0, info(ARRAY), 0, 1, 1, 0], struct(4, [NAME, 1, 0], [NAME, 2, 32])],
  ],
  ['a variable of type void, as __ksym declares it', [[NAME, info(VAR), 0, 2]]],
  [
    'a datasec of functions, as .ksyms has them',
    [proto, [NAME, info(FUNC, 2), 1], [NAME, info(DATASEC, 1), 0, 2, 0, 0]],
  ],
  ['no types', []],
  [
    'a tag on a parameter',
    [int, [0, info(FUNC_PROTO, 1), 0, NAME, 1], [NAME, info(FUNC), 2], [NAME, info(DECL_TAG), 3, 0]],
  ],
  ['an attribute of GNU C, which has the kind flag', [int, [NAME, info(TYPE_TAG, 0, 1), 1]]],
]

for (const [what, types] of fine) {
  test(`a blob with ${what} is fine`, () => parseBtf(blobOf(...types)).check())
}

test('types are checked when they are asked for, not before', () => {
  const btf = parseBtf(blobOf(int, [0, info(PTR), 9]))
  assert.is(btf.type(1).kind, 'int')
  assert.is(btf.kindOf(2), 'ptr')
  assert.throws(() => btf.type(2), /^\.BTF\/type\[2\]: refers to type 9, but the ids end at 2$/)
})

test('an id that does not exist is refused by every question', () => {
  const btf = parseBtf(blobOf(int))
  for (const id of [2, -1, 0.5, Number.NaN, 2 ** 32 + 1]) {
    for (const ask of ['type', 'kindOf', 'nameOf', 'resolve', 'sizeOf', 'alignOf'] as const) {
      assert.throws(
        () => btf[ask](id),
        (error: Error) => error.name === 'BtfError',
        `${ask}(${id})`,
      )
    }
  }
})

test('a string outside the strings is refused', () => {
  const btf = parseBtf(blobOf(int))
  assert.is(btf.string(1), 'x')
  assert.throws(() => btf.string(3), /^\.BTF\/strings: has no byte 3: it is 3 bytes long$/)
})

test('32 modifiers are resolved, 33 are not', () => {
  const chain = Array.from({ length: 33 }, (_, i) => [0, info(VOLATILE), i + 1])
  const btf = parseBtf(blobOf(int, ...chain))
  assert.is(btf.resolve(33).id, 1)
  assert.is(btf.sizeOf(33), 4)
  assert.is(btf.alignOf(33), 4)
  assert.throws(() => btf.resolve(34), /^\.BTF\/type\[34\]: is a chain of more than 32 modifiers$/)
  assert.throws(() => btf.sizeOf(34), /leads through more than 32 types before its size is known$/)
})

test('modifiers in a circle are refused as what they are', () => {
  const btf = parseBtf(blobOf([0, info(CONST), 2], [0, info(VOLATILE), 1]))
  assert.throws(() => btf.resolve(1), /^\.BTF\/type\[1\]: is a chain of modifiers that comes back to type 1$/)
  assert.throws(() => btf.sizeOf(1), /more than 32 types/)
})

test('a hundred thousand types that hold each other are checked without a deep stack', () => {
  const depth = 100_000
  const nested = Array.from({ length: depth }, (_, i) => struct(4, [NAME, i + 1, 0]))
  const btf = parseBtf(blobOf(int, ...nested))
  btf.check()
  assert.is(btf.sizeOf(depth + 1), 4)
  assert.throws(() => btf.alignOf(depth + 1), /holds itself, or is nested more than 32 deep/)
})

test('a longer header is read, as a newer version would write it', () => {
  const longer = sound.replace('18000000', '20000000').replace('07000000', '07000000 0011223344556677')
  assert.is(parseBtf(hex(longer)).find('int')?.kind, 'int')
})

test('errors name the blob as the caller does', () => {
  assert.throws(
    () => parseBtf(blobOf([0, info(PTR), 9]), { where: '/sys/kernel/btf/vmlinux' }).check(),
    /^\/sys\/kernel\/btf\/vmlinux\/type\[1\]: /,
  )
})

test.run()
