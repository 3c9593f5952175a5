import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, parseBtf } from '../../src/btf/index.ts'
import {
  ARRAY,
  blobOf,
  CONST,
  DATASEC,
  DECL_TAG,
  FUNC,
  FUNC_PROTO,
  info,
  int,
  NAME,
  PTR,
  proto,
  struct,
  TYPE_TAG,
  TYPEDEF,
  VAR,
  VOLATILE,
} from './blobs.ts'

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

test('a name that begins with a byte order mark keeps it, or two names would be one', () => {
  const writer = new BtfWriter()
  for (const name of ['\ufeffs', 's']) writer.add({ kind: 'fwd', name, of: 'struct' })
  const btf = parseBtf(writer.finish())
  assert.equal([btf.nameOf(1), btf.nameOf(2)], ['\ufeffs', 's'])
  assert.equal([btf.find('\ufeffs')?.id, btf.find('s')?.id], [1, 2])
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

test('errors name the blob as the caller does', () => {
  assert.throws(
    () => parseBtf(blobOf([0, info(PTR), 9]), { where: '/sys/kernel/btf/vmlinux' }).check(),
    /^\/sys\/kernel\/btf\/vmlinux\/type\[1\]: /,
  )
})

test('names that begin with the same 32 bytes, or one with the other, are told apart, however many are looked for', () => {
  const stem = 'core::option::Option<alloc::vec::Vec<'
  assert.ok(stem.length >= 32)
  // more than are looked for before chains are made of them
  const names = Array.from({ length: 200 }, (_, i) => `${stem}${'>'.repeat(i % 7)}${i}`)
  names.push(stem, stem.slice(0, 32), stem.slice(0, 31))
  const writer = new BtfWriter()
  const types = names.map(name => writer.add({ kind: 'fwd', name, of: 'struct' }))
  const last = writer.add({ kind: 'fwd', name: names[7]!, of: 'struct' })
  const btf = parseBtf(writer.finish())
  for (const [i, name] of names.entries()) {
    const found = btf.findAll(name).map(({ id }) => id)
    assert.equal(found, i === 7 ? [types[i], last] : [types[i]], name)
  }
  for (const none of [`${stem}>`, `${names[3]}0`, stem.slice(0, 30), `${names.at(-1)}\0`])
    assert.is(btf.find(none), undefined, none)
})

test.run()
