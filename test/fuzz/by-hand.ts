import { type BtfMember, BtfWriter, type NewType, type TypeId } from '../../src/btf/index.ts'
import { ElfWriter } from './elf-writer.ts'
import { TypeMaker } from './generated-types.ts'

const int: NewType = {
  ...{ kind: 'int', name: 'int', size: 4, signed: true, char: false, bool: false, bits: 32, bitOffset: 0 },
}
const exit = [0x95, 0, 0, 0, 0, 0, 0, 0]

function member(type: TypeId, name = 'm', bitOffset = 0, bitSize = 0): BtfMember {
  return { name, type, bitOffset, bitSize }
}

function blob(write: (writer: BtfWriter) => void, littleEndian = true): Uint8Array {
  const writer = new BtfWriter({ littleEndian })
  writer.add(int)
  write(writer)
  return writer.finish()
}

/** So many types, each made of the one before it. */
function chain(writer: BtfWriter, length: number, link: (before: TypeId, i: number) => NewType): TypeId {
  let last = writer.nextId - 1
  for (let i = 0; i < length; i++) last = writer.add(link(last, i))
  return last
}

const nested = (name: (i: number) => string, count = 1, memberName = 'm') => {
  return (before: TypeId, i: number): NewType => {
    const members = Array.from({ length: count }, (_, n) => member(before, memberName && `${memberName}${n}`))
    return { kind: 'struct', name: name(i), size: 4, members: count === 1 ? members : members.map(same) }
  }
}

/** At one place, which the format allows. */
function same(one: BtfMember): BtfMember {
  return { ...one, bitOffset: 0 }
}

const anonymous = (): string => ''
const numbered = (i: number): string => `s${i}`

/** A blob of every kind of type. */
export function everyKind(): Uint8Array {
  const maker = new TypeMaker(true)
  const { writer } = maker
  const bits = maker.struct('s', 8, [member(1, 'a'), member(1, 'b', 32, 3)])
  maker.array(1, 3)
  maker.pointer(bits)
  writer.add({ kind: 'union', name: 'u', size: 4, members: [member(1)] })
  writer.add({ kind: 'enum', name: 'e', size: 4, signed: false, values: [{ name: 'E', value: 1 }] })
  writer.add({ kind: 'fwd', name: 'f', of: 'struct' })
  writer.add({ kind: 'const', name: '', type: writer.add({ kind: 'typedef', name: 't', type: 1 }) })
  const type = writer.add({ kind: 'func_proto', name: '', returnType: 1, params: [{ name: 'p', type: 1 }] })
  const fn = writer.add({ kind: 'func', name: 'fn', type, linkage: 'global' })
  const variable = writer.add({ kind: 'var', name: 'v', type: 1, linkage: 'global' })
  const variables = [{ type: variable, offset: 0, size: 4 }]
  writer.add({ kind: 'datasec', name: '.data', size: 4, variables })
  writer.add({ kind: 'datasec', name: '.bss', size: 0, variables })
  writer.add({ kind: 'float', name: 'd', size: 8 })
  writer.add({ kind: 'decl_tag', name: 'tag', type: fn, component: 0, attribute: false })
  writer.add({ kind: 'type_tag', name: 'kptr', type: 1, attribute: false })
  writer.add({
    kind: 'enum64',
    name: 'e64',
    size: 8,
    signed: false,
    values: [{ name: 'F', value: 1n << 40n }],
  })
  return writer.finish()
}

interface ExtOptions {
  readonly littleEndian?: boolean
  readonly twice?: boolean
}

/** An object of one program with a record in each table of its `.BTF.ext`. */
export function withExt({ littleEndian = true, twice = false }: ExtOptions = {}): Uint8Array {
  const writer = new BtfWriter()
  writer.add(int)
  const type = writer.add({ kind: 'func_proto', name: '', returnType: 1, params: [] })
  const fn = writer.add({ kind: 'func', name: 'f', type, linkage: 'global' })
  const struct = writer.add({ kind: 'struct', name: 's', size: 4, members: [member(1)] })
  const section = writer.string('xdp')
  const access = writer.string('0:0')
  const functions = [8, section, 1, 0, fn, ...(twice ? [section, 1, 8, fn] : [])]
  const lines = [16, section, 1, 0, access, access, 1025]
  const relocations = [16, section, 1, 0, struct, access, 0]
  const sizes = [functions, lines, relocations].map(table => 4 * table.length) as [number, number, number]
  const header = [0x0001eb9f, 32, 0, sizes[0], sizes[0], sizes[1], sizes[0] + sizes[1], sizes[2]]
  const bytes = Buffer.from(Uint32Array.from([...header, ...functions, ...lines, ...relocations]).buffer)
  if (!littleEndian) {
    bytes.swap32()
    bytes.set([0xeb, 0x9f, 1, 0])
  }
  const elf = new ElfWriter(true)
  const data = new Uint8Array([0xb7, 0, 0, 0, 0, 0, 0, 0, ...exit])
  const code = elf.section({ name: 'xdp', type: 1, flags: 6, data })
  elf.symbol({ name: 'f', value: 0, size: 16, info: 0x12, section: code })
  elf.section({ name: '.BTF', type: 1, data: writer.finish() })
  elf.section({ name: '.BTF.ext', type: 1, data: new Uint8Array(bytes) })
  return elf.finish()
}

/** Two programs that each refer to a map. */
export function twoRelocated(): Uint8Array {
  const elf = new ElfWriter(true)
  const data = elf.section({ name: '.data', type: 1, flags: 3, data: new Uint8Array(8) })
  const symbol = elf.symbol({ name: 'v', value: 0, size: 8, info: 0x11, section: data })
  for (const name of ['xdp', 'tc']) {
    const load = [0x18, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    const code = elf.section({ name, type: 1, flags: 6, data: new Uint8Array([...load, ...exit]) })
    elf.symbol({ name: `on_${name}`, value: 0, size: 24, info: 0x12, section: code })
    elf.relocate(code, [{ offset: 0, type: 1, symbol }])
  }
  return elf.finish()
}

/** Symbols, or strings of a section, that are too long or too many. */
function withNames(name: string, count: number, contents: Uint8Array = new Uint8Array(8)): Uint8Array {
  const elf = new ElfWriter(true)
  const section = elf.section({ name: '.data', type: 1, flags: 3, data: contents })
  for (let i = 0; i < count; i++) elf.symbol({ name, value: 0, size: 0, info: 0x11, section })
  return elf.finish()
}

/** Variables of `.data` at places that the symbol table says. */
function withVariables(places: readonly number[], size: number): Uint8Array {
  const elf = new ElfWriter(true)
  const writer = new BtfWriter()
  writer.add(int)
  const section = elf.section({ name: '.data', type: 1, flags: 3, data: new Uint8Array(size) })
  const variables = places.map((value, i) => {
    elf.symbol({ name: `v${i}`, value, size: 4, info: 0x11, section })
    return {
      type: writer.add({ kind: 'var', name: `v${i}`, type: 1, linkage: 'global' }),
      offset: 0,
      size: 4,
    }
  })
  writer.add({ kind: 'datasec', name: '.data', size: 0, variables })
  elf.section({ name: '.BTF', type: 1, data: writer.finish() })
  return elf.finish()
}

/** An int of 16 bytes, a prototype of 12, and a function of it. */
function addFunction(writer: BtfWriter): void {
  const type = writer.add({ kind: 'func_proto', name: '', returnType: 0, params: [] })
  writer.add({ kind: 'func', name: 'f', type, linkage: 'static' })
}

function patched(bytes: Uint8Array, at: number, word: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(at, word, true)
  return bytes
}

/** What no change of one number makes of a sound file. */
export const byHand: Readonly<Record<string, () => Uint8Array>> = {
  'symbols-of-endless-names.elf': () => withNames(`é${'a'.repeat(4000)}`, 30),
  'section-with-an-endless-text.elf': () => withNames('v', 1, new Uint8Array(5000).fill(0x61, 0, 4999)),
  'symbol-of-an-endless-name.elf': () => withNames('a'.repeat(5000), 1),
  'variables-that-overlap.elf': () => withVariables([0, 2], 8),
  'ext-of-the-other-order.elf': () => withExt({ littleEndian: false }),
  'ext-with-a-section-twice.elf': () => withExt({ twice: true }),
  'types-of-endless-names.btf': () => {
    const bytes = blob(writer => {
      writer.string('x'.repeat(4200))
      chain(writer, 40, () => ({ kind: 'fwd', name: 'f', of: 'struct' }))
    })
    const view = new DataView(bytes.buffer)
    // each named by an end of the long one, which makes no text
    for (let i = 0; i < 40; i++) view.setUint32(24 + 16 + 12 * i, 5 + i, true)
    const strings = 24 + view.getUint32(12, true)
    return bytes.fill(0xff, strings + 5, strings + 5 + 4200)
  },
  'split-of-the-other-order.split': () => blob(() => {}, false),
  'nested-structs.btf': () => blob(writer => chain(writer, 40, nested(numbered))),
  'nested-without-names.btf': () => blob(writer => chain(writer, 40, nested(anonymous, 1, ''))),
  'nested-without-names-once-named.btf': () =>
    blob(writer => {
      const last = chain(writer, 40, nested(anonymous))
      writer.add({ kind: 'struct', name: 'top', size: 4, members: [member(last)] })
    }),
  'modifiers-of-modifiers.btf': () =>
    blob(writer => chain(writer, 40, type => ({ kind: 'typedef', name: 't', type }))),
  'qualifiers-of-qualifiers.btf': () =>
    blob(writer => {
      const last = chain(writer, 40, type => ({ kind: 'const', name: '', type }))
      writer.add({ kind: 'typedef', name: 't', type: writer.add({ kind: 'ptr', name: '', type: last }) })
    }),
  'nested-functions.btf': () =>
    blob(writer => {
      const last = chain(writer, 200, (type, i) => {
        const params = [{ name: 'p', type }]
        if (i % 2 === 0) return { kind: 'func_proto', name: '', returnType: 0, params }
        return { kind: 'ptr', name: '', type }
      })
      writer.add({ kind: 'struct', name: 'top', size: 8, members: [member(last)] })
    }),
  // a number of the blob that no other says the same of
  'func-of-unknown-linkage.btf': () => patched(blob(addFunction), 24 + 16 + 12 + 4, (12 << 24) | 7),
  'func-of-no-type.btf': () => patched(blob(addFunction), 24 + 16 + 12 + 8, 99),
  'tag-on-no-type.btf': () =>
    blob(writer => {
      writer.add({ kind: 'decl_tag', name: 'tag', type: 99, component: -1, attribute: false })
    }),
  'many-without-names.btf': () =>
    blob(writer => {
      const last = chain(writer, 3, nested(anonymous, 128))
      writer.add({ kind: 'struct', name: 'top', size: 4, members: [member(last)] })
    }),
  'many-members.btf': () =>
    blob(writer => {
      chain(writer, 3, nested(anonymous, 256, ''))
    }),
  'many-fields.btf': () => blob(writer => chain(writer, 2, nested(numbered, 300))),
  'values-without-end.btf': () =>
    blob(writer => {
      const element = writer.add({ kind: 'struct', name: 's', size: 4, members: [member(1)] })
      writer.add({ kind: 'array', name: '', elementType: element, indexType: 1, length: 2 ** 29 })
    }),
  'wide-bitfield.btf': () =>
    blob(writer => {
      const wide = writer.add({ ...int, name: 'wide', size: 16, bits: 128 } as NewType) // still an int
      writer.add({ kind: 'struct', name: 's', size: 16, members: [member(wide, 'm', 0, 100)] })
    }),
  'member-that-is-a-function.btf': () =>
    blob(writer => {
      const proto = writer.add({ kind: 'func_proto', name: '', returnType: 0, params: [] })
      writer.add({ kind: 'func', name: 'f', type: proto, linkage: 'static' })
    }),
}
