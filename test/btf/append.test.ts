import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, parseBtf, withTypes } from '../../src/btf/index.ts'
import { everyKind, int, member } from './types.ts'

for (const littleEndian of [true, false]) {
  test(`types are added behind those that there are, which stay what they are (${littleEndian ? 'little' : 'big'}-endian)`, () => {
    const writer = new BtfWriter({ littleEndian })
    for (const { id: _, ...type } of everyKind().types) writer.add(type)
    const btf = parseBtf(writer.finish())
    const more = withTypes(btf, added => {
      const number = added.add({ ...int, name: 'added_int' })
      added.add({
        kind: 'struct',
        name: 'added_struct',
        size: 8,
        members: [member('old', 1, 0), member('new', number, 32)],
      })
    })
    assert.is(more.littleEndian, littleEndian)
    assert.is(more.count, btf.count + 2)
    for (let id = 1; id <= btf.count; id++) assert.equal(more.type(id), btf.type(id))
    const struct = more.find('added_struct', 'struct')
    assert.is(struct?.id, btf.count + 2)
    assert.equal(
      struct?.members.map(({ name, type }) => [name, more.nameOf(type)]),
      [
        ['old', 'int'],
        ['new', 'added_int'],
      ],
    )
    more.check()
  })
}

test('nothing added is the same types', () => {
  const btf = parseBtf(everyKind().writer.finish())
  assert.equal([...withTypes(btf, () => {})], [...btf])
})

test.run()
