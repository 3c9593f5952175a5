import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, parseBtf } from '../../src/btf/index.ts'
import { inComment, pascalCase, property, quoted, typeNameFor, UniqueNames } from '../../src/codegen/names.ts'
import { ValueTypes } from '../../src/codegen/value-types.ts'
import { failure } from '../failure.ts'
import { generate } from './generated.ts'

for (const [name, pascal] of [
  ['counter', 'Counter'],
  ['flow_key', 'FlowKey'],
  ['upgrade-flows-1', 'UpgradeFlows1'],
  ['__sk_buff', 'SkBuff'],
  ['tcpRtt', 'TcpRtt'],
  ['größe', 'Größe'],
  ['...', ''],
] as const) {
  test(`'${name}' is called '${pascal}'`, () => assert.is(pascalCase(name), pascal))
}

test('a type does not begin with a digit', () => {
  assert.is(typeNameFor('1st', 'Object'), '_1st')
  assert.is(typeNameFor('~', 'Object'), 'Object')
})

test('a name that is taken gets a number, and what goes with it too', () => {
  const names = new UniqueNames(['BpfMap'])
  assert.is(names.take('BpfMap'), 'BpfMap2')
  assert.is(
    names.take('Flow', one => [`${one}Input`]),
    'Flow',
  )
  assert.is(names.take('FlowInput'), 'FlowInput2')
})

test('a property is in quotes where it must be, and a text cannot end its line', () => {
  assert.is(property('flows'), 'flows')
  assert.is(property('class'), 'class')
  assert.is(property('.bss'), "'.bss'")
  assert.is(property('hits~1'), "'hits~1'")
  for (const text of ["it's", 'a"b', 'a\\"b', 'two\nlines', '\u2028', "\\'", 'a\x9b\u202eb\u{e0041}']) {
    // read by the engine itself
    assert.is(new Function(`return ${quoted(text)}`)(), text)
  }
  // shown in another order than it is read, code would be other code for who looks at it
  assert.not.match(quoted('a\x9b\u202eb\u{e0041}') + inComment('\u202e\u2066'), /[\p{Cc}\p{Cf}]/u)
})

test('the same object gives the same text', () => {
  assert.equal(generate('btf-shapes').skeleton, generate('btf-shapes').skeleton)
})

test('further types are declared by their names in C', () => {
  const { skeleton } = generate('counter', ['tally'])
  assert.is(skeleton.ts.split('export type Tally =').length, 2)
})

test('a type that the object does not have is refused with near names', () => {
  const error = failure(() => generate('counter', ['taly']))
  assert.is(error.code, 'ERR_UNKNOWN_NAME')
  assert.match(error.message, /no struct, union or enum 'taly'; did you mean 'tally'\?/)
})

test('a comment in the module cannot be ended by a name', () => {
  const writer = new BtfWriter()
  const int = writer.add({
    kind: 'int',
    name: '*/ x',
    size: 4,
    signed: false,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
  const struct = writer.add({
    ...{ kind: 'struct', name: 's', size: 4 },
    members: [{ name: '*/ y', type: int, bitOffset: 0, bitSize: 0 }],
  })
  const types = new ValueTypes(parseBtf(writer.finish()), new UniqueNames([]))
  types.of(struct)
  const [text = ''] = types.declarations
  assert.is(
    text
      .replace(/\/\*.*?\*\//gs, '')
      .trim()
      .replace(/\s+/g, ' '),
    "export type S = { readonly '*/ y': number }",
  )
})

test('a struct of which each level doubles the text of the one below is refused soon', () => {
  const writer = new BtfWriter()
  let inner = writer.add({
    kind: 'int',
    name: 'u8',
    size: 1,
    signed: false,
    char: false,
    bool: false,
    bits: 8,
    bitOffset: 0,
  })
  for (let level = 0; level < 20; level++) {
    const size = 2 ** (level + 1)
    inner = writer.add({
      ...{ kind: 'struct', name: '', size },
      members: [0, 1].map(i => ({ name: `m${i}`, type: inner, bitOffset: (i * 8 * size) / 2, bitSize: 0 })),
    })
  }
  const types = new ValueTypes(parseBtf(writer.finish()), new UniqueNames([]))
  assert.throws(() => types.of(inner), /is too large a type to be written out/)
})

test('names that Unicode calls numbers and JavaScript does not are no part of an identifier', () => {
  for (const name of ['x²', 'a½b', '\u0301a', '1st', 'größe', 'Option<u8>']) {
    const called = typeNameFor(name, 'Object')
    // the engine says what an identifier is
    assert.not.throws(() => new Function(`var ${called}`), called)
    assert.not.throws(() => new Function(`var open${pascalCase(name)}`), called)
  }
})

test('no text ends the comment that it is put into', () => {
  for (const end of ['\n', '\r', '\u2028', '\u2029', '*/', '*\u0000/']) {
    const text = inComment(`a${end}throw 1//`)
    assert.not.throws(() => new Function(`// ${text}`)(), JSON.stringify(end))
    assert.not.throws(() => new Function(`/* ${text} */`)(), JSON.stringify(end))
  }
})

test.run()
