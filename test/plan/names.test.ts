import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeName, encodeName, encodeObjectName, objectNameOf } from '../../src/plan/names.ts'

const table: [name: string, file: string][] = [
  ['events', 'events'],
  ['.rodata', ':rodata'],
  ['.data.config', ':data:config'],
  ['.rodata.str1.1', ':rodata:str1:1'],
  ['hits~1', 'hits~1'],
  ['a:b', 'a%3Ab'],
  ['a/b', 'a%2Fb'],
  ['100%', '100%25'],
  ['a~b', 'a%7Eb'],
  ['a\tb', 'a%09b'],
  ['naïve', 'naïve'],
]

test('dots become colons, and what bpffs or we give a meaning becomes %XX', () => {
  for (const [name, file] of table) assert.is(encodeName(name), file)
})

test('a file name leads back to the name it came from', () => {
  for (const [name, file] of table) assert.is(decodeName(file), name)
})

test('no two names share a file, and no file has a name that bpffs refuses', () => {
  const anyName = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 60 })
    .filter(name => !/\p{Surrogate}/u.test(name))
  fc.assert(
    fc.property(anyName, name => {
      const file = encodeName(name)
      assert.is(decodeName(file), name)
      assert.not.match(file, /[./\0]/)
    }),
    { numRuns: 500 },
  )
})

test('an object name can never be mistaken for the ~next or ~prev of another', () => {
  assert.is(encodeObjectName('web~next'), 'web%7Enext')
  assert.is(encodeObjectName('web~1'), 'web%7E1')
})

test('a stranger file name that is not of our making stands for itself', () => {
  assert.is(decodeName('50%'), '50%')
  assert.is(decodeName('a%zz:b'), 'a%zz:b')
})

test('names that make no file name are refused with their length', () => {
  assert.is(encodeName('m'.repeat(255)).length, 255)
  assert.throws(() => encodeName('m'.repeat(256)), /256 bytes, at most 255/)
  assert.is(encodeObjectName('o'.repeat(250)).length, 250)
  assert.throws(() => encodeObjectName('o'.repeat(251)), /251 bytes, at most 250/)
  assert.throws(() => encodeObjectName('é'.repeat(126)), /252 bytes, at most 250/)
  assert.throws(() => encodeObjectName(''), /needs a name/)
})

test('the name of an object is its whole file name, less .bpf.o or .o', () => {
  assert.is(objectNameOf('/opt/tools/counter.bpf.o'), 'counter')
  assert.is(objectNameOf('a.very.long.name.for.an.object.o'), 'a.very.long.name.for.an.object')
  assert.is(objectNameOf('plain'), 'plain')
})

test.run()
