import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, fillSections, parseBtf, subsetOf } from '../../src/btf/index.ts'
import { btfBytes, btfLoad, btfLoadLogged, closeFd } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { fillsOf, openFixture } from './objects.ts'
import { everyKind, int } from './types.ts'

/** Loads the blob and returns what the kernel then says it holds. */
function throughKernel(bytes: Uint8Array): Uint8Array {
  const fd = btfLoad(bytes)
  if (fd < 0) throw new Error(`the kernel refused it: ${btfLoadLogged(bytes).log}`)
  try {
    const held = btfBytes(fd)
    if (typeof held === 'number') throw new Error(`the kernel does not give it back: errno ${held}`)
    return held
  } finally {
    closeFd(fd)
  }
}

for (const name of [
  'counter.bpf.o',
  'functions.bpf.o',
  'map-kinds.bpf.o',
  'btf-shapes.bpf.o',
  'btf-core.bpf.o',
]) {
  needs(
    test,
    'root',
    'linux 6.0',
  )(`the kernel takes the BTF of ${name} once its data sections are filled in`, () => {
    const object = openFixture(name)
    const bytes = fillSections(object.btf, fillsOf(object))
    assert.equal(throughKernel(bytes), bytes)
  })
}

needs(
  test,
  'root',
  'linux 6.0',
)('the kernel takes a blob with a type of every kind, and gives it back', () => {
  const { writer, types } = everyKind()
  const bytes = writer.finish()
  const held = throughKernel(bytes)
  assert.equal(held, bytes)
  assert.equal([...parseBtf(held)], types)
})

needs(
  test,
  'root',
  'linux 6.0',
)('the kernel takes a subset', () => {
  const { btf } = openFixture('btf-shapes.bpf.o')
  const { bytes } = subsetOf(btf, [btf.find('outer', 'struct')!.id, btf.find('scalars', 'struct')!.id])
  assert.equal(throughKernel(bytes), bytes)
})

// what the kernel refuses must not pass here either; it is asked for its reason to see that it is the same one
const refused: readonly (readonly [
  what: string,
  add: (writer: BtfWriter) => void,
  kernel: RegExp,
  ours: RegExp,
])[] = [
  [
    'a struct that holds itself',
    writer =>
      writer.add({
        kind: 'struct',
        name: 's',
        size: 4,
        members: [{ name: 'x', type: 1, bitOffset: 0, bitSize: 0 }],
      }),
    /Loop detected/,
    /is part of itself/,
  ],
  [
    'a pointer to itself',
    writer => writer.add({ kind: 'ptr', name: '', type: 1 }),
    /Loop detected/,
    /is part of itself/,
  ],
  [
    'a member that ends outside',
    writer => {
      writer.add(int)
      writer.add({
        kind: 'struct',
        name: 's',
        size: 4,
        members: [{ name: 'x', type: 1, bitOffset: 8, bitSize: 0 }],
      })
    },
    /Member exceeds struct_size/,
    /ends at bit 40, but the struct ends at bit 32/,
  ],
  [
    'an array over 4 GiB',
    writer => {
      writer.add(int)
      writer.add({ kind: 'array', name: '', elementType: 1, indexType: 1, length: 0x40000001 })
    },
    /Array size overflows U32_MAX/,
    /is larger than 4 GiB/,
  ],
  [
    'a func that is none',
    writer => {
      writer.add(int)
      writer.add({ kind: 'func', name: 'f', type: 1, linkage: 'static' })
    },
    /Invalid type_id/,
    /a func needs a func_proto/,
  ],
]

for (const [what, add, kernel, ours] of refused) {
  needs(test, 'root')(`${what} is refused by the kernel and here, for the same reason`, () => {
    const writer = new BtfWriter()
    add(writer)
    const bytes = writer.finish()
    assert.throws(() => parseBtf(bytes).check(), ours)
    const { result, log } = btfLoadLogged(bytes)
    assert.ok(result < 0)
    assert.match(log, kernel)
  })
}

test.run()
