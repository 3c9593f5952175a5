import { test } from 'uvu'
import {
  ARRAY,
  bits,
  blobOf,
  CONST,
  DATASEC,
  DECL_TAG,
  ENUM,
  ENUM64,
  FLOAT,
  FUNC,
  FUNC_PROTO,
  FWD,
  INT,
  info,
  int,
  NAME,
  PTR,
  proto,
  refuses,
  STRUCT,
  struct,
  TYPE_TAG,
  TYPEDEF,
  UNION,
  VAR,
} from './blobs.ts'

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
    'a bitfield of a struct',
    [int, struct(4, [NAME, 1, 0]), bits(4, [NAME, 2, (3 << 24) | 0])],
    '.BTF/type[3]/member[0]: is a bitfield of type 2; only an int or an enum can be one',
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

test.run()
