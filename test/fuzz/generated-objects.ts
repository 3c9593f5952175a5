import fc from 'fast-check'
import type { BtfMember } from '../../src/btf/index.ts'
import type { Sound } from './damage.ts'
import { ElfWriter, type NewRelocation } from './elf-writer.ts'
import { TypeMaker, type TypesRecipe, typesRecipe } from './generated-types.ts'
import { elfSound } from './sounds.ts'

const PROGBITS = 1
const NOBITS = 8
const ALLOC = 2
const WRITE = 1
const EXECINSTR = 4
const [global, local] = [1 << 4, 0]
const [object, func] = [1, 2]
const R_BPF_64_64 = 1

/** A map, as numbers. */
interface MapRecipe {
  readonly type: number
  readonly key: number
  readonly value: number
  readonly entries: number
}

export interface ObjectRecipe {
  readonly littleEndian: boolean
  readonly types: TypesRecipe
  readonly maps: readonly MapRecipe[]
  /** Instructions of each program. */
  readonly programs: readonly number[]
  /** Of the variables, by the section that has them. */
  readonly data: readonly number[]
  readonly bss: readonly number[]
  readonly hasTypes: boolean
}

const mapRecipe: fc.Arbitrary<MapRecipe> = fc.record({
  type: fc.nat(),
  key: fc.nat(),
  value: fc.nat(),
  entries: fc.integer({ min: 1, max: 65536 }),
})

export const objectRecipe: fc.Arbitrary<ObjectRecipe> = fc.record({
  littleEndian: fc.boolean(),
  types: typesRecipe,
  maps: fc.array(mapRecipe, { maxLength: 4 }),
  programs: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }),
  data: fc.array(fc.nat(), { maxLength: 4 }),
  bss: fc.array(fc.nat(), { maxLength: 4 }),
  hasTypes: fc.boolean(),
})

/** Objects with programs, maps, variables, types and what programs refer to. */
export const generatedObjects: fc.Arbitrary<Sound> = objectRecipe.map(recipe =>
  elfSound('generated object', writeObject(recipe)),
)

// hash, array, lru_hash, percpu_hash: they take keys and values of any type
const mapTypes = [1, 1, 9, 5]

/** @param rename makes other names of those of maps, programs, variables and types */
export function writeObject(
  recipe: ObjectRecipe,
  rename: (name: string) => string = name => name,
): Uint8Array {
  const elf = new ElfWriter(recipe.littleEndian)
  const types = new TypeMaker(recipe.littleEndian, rename)
  types.addAll(recipe.types)
  const maps = recipe.hasTypes ? addMaps(elf, types, recipe.maps) : []
  const { times } = recipe.types
  // symbols are as small as nothing else
  const some = times === 1 ? 1 : 4 * times
  addVariables(elf, types, '.data', Array.from({ length: some }, () => recipe.data).flat())
  addVariables(elf, types, '.bss', recipe.bss)
  elf.section({ name: 'license', type: PROGBITS, flags: ALLOC | WRITE, data: Buffer.from('GPL\0') })
  for (const [i, length] of recipe.programs.entries()) {
    addProgram(elf, recipe, { i, length, name: rename(`program${i}`) }, maps)
  }
  if (recipe.hasTypes) {
    const ext = extOf(types, recipe)
    elf.section({ name: '.BTF', type: PROGBITS, data: types.finish() })
    elf.section({ name: '.BTF.ext', type: PROGBITS, data: ext })
  }
  return elf.finish()
}

/** -> the indexes of the symbols of maps */
function addMaps(elf: ElfWriter, types: TypeMaker, maps: readonly MapRecipe[]): number[] {
  if (maps.length === 0) return []
  const size = 32
  const section = elf.section({
    name: '.maps',
    type: PROGBITS,
    flags: ALLOC | WRITE,
    data: new Uint8Array(size * maps.length),
  })
  const variables: number[] = []
  const symbols = maps.map((map, i) => {
    const uint = (value: number): number => types.pointer(types.array(1, value))
    const pointees = {
      type: uint(mapTypes[map.type % mapTypes.length]!),
      max_entries: uint(map.entries),
      key: types.pointer(types.int('u32', 4, false)),
      value: types.pointer(types.int('u64', 8, false)),
    }
    const members = Object.entries(pointees).map(
      ([name, type], at): BtfMember => ({ name, type, bitOffset: 64 * at, bitSize: 0 }),
    )
    const type = types.struct('', size, members)
    const name = types.rename(`map${i}`)
    variables.push(types.writer.add({ kind: 'var', name, type, linkage: 'global' }))
    return elf.symbol({ name, value: size * i, size, info: global | object, section })
  })
  addSection(types, '.maps', variables)
  return symbols
}

function addSection(types: TypeMaker, name: string, variables: readonly number[]): void {
  const entries = variables.map(type => ({ type, offset: 0, size: 0 }))
  types.writer.add({ kind: 'datasec', name, size: 0, variables: entries })
}

/** Of one variable. */
const mostBytes = 256

function addVariables(elf: ElfWriter, types: TypeMaker, name: string, wanted: readonly number[]): void {
  if (wanted.length === 0) return
  let end = 0
  const places = wanted.map(n => {
    // arrays of arrays are soon larger than any file
    const some = types.anyValue(n)
    const type = types.sizeOf(some) <= mostBytes ? some : types.anyValue(0)
    const place = { type, at: end, size: types.sizeOf(type) }
    end += place.size
    return place
  })
  const section =
    name === '.bss'
      ? elf.section({ name, type: NOBITS, flags: ALLOC | WRITE, size: end })
      : elf.section({ name, type: PROGBITS, flags: ALLOC | WRITE, data: new Uint8Array(end).fill(7) })
  const variables = places.map(({ type, at, size }, i) => {
    const variable = types.rename(`${name.slice(1)}${i}`)
    elf.symbol({ name: variable, value: at, size, info: (i % 2 === 0 ? global : local) | object, section })
    const linkage = i % 2 === 0 ? 'global' : 'static'
    return {
      type: types.writer.add({ kind: 'var', name: variable, type, linkage }),
      offset: at,
      size,
    }
  })
  types.writer.add({ kind: 'datasec', name, size: 0, variables })
}

const sectionNames = ['xdp', 'socket', 'tc', '.text', 'kprobe/do_exit', 'raw_tp/sys_enter']

function addProgram(
  elf: ElfWriter,
  { littleEndian }: ObjectRecipe,
  program: { readonly i: number; readonly length: number; readonly name: string },
  maps: readonly number[],
): void {
  const { i, length } = program
  const data = new Uint8Array(8 * (2 * length + 2))
  const relocations: NewRelocation[] = []
  data[0] = 0xb7 // r0 = 0, which CO-RE may change
  for (let n = 0; n < length; n++) {
    const offset = 8 + 16 * n
    data[offset] = 0x18 // ld_imm64, of two instructions
    data[offset + 1] = littleEndian ? 1 : 0x10
    const symbol = maps[n % maps.length]
    if (symbol !== undefined) relocations.push({ offset, type: R_BPF_64_64, symbol })
  }
  data[8 + 16 * length] = 0x95 // exit
  const name = sectionNames[i % sectionNames.length]!
  const section = elf.section({ name, type: PROGBITS, flags: ALLOC | EXECINSTR, data })
  elf.symbol({ name: program.name, value: 0, size: data.length, info: global | func, section })
  elf.relocate(section, relocations)
}

/** `.BTF.ext` with a function, some lines and a relocation for each program. */
function extOf(types: TypeMaker, { programs, littleEndian, data }: ObjectRecipe): Uint8Array {
  const { writer } = types
  const [functions, lines, relocations]: [number[], number[], number[]] = [[8], [16], [16]]
  const type = writer.add({ kind: 'func_proto', name: '', returnType: 0, params: [] })
  for (const [i, length] of programs.entries()) {
    const section = writer.string(sectionNames[i % sectionNames.length]!)
    const fn = writer.add({ kind: 'func', name: types.rename(`program${i}`), type, linkage: 'global' })
    functions.push(section, 1, 0, fn)
    const source = writer.string(`line ${i}`)
    const rows = Array.from({ length }, (_, n) => [n === 0 ? 0 : 8 + 16 * n, source, source, (n << 10) | 1])
    lines.push(section, length, ...rows.flat())
    const struct = types.composite(length)
    if (struct === undefined) continue
    const kind = (data[0] ?? i) % 10
    // fields of its first member, or the type itself
    relocations.push(section, 1, 0, struct, writer.string(kind < 6 ? '0:0' : '0'), kind)
  }
  const tables = [functions, lines, relocations].map(table => (table.length === 1 ? [] : table))
  const sizes = tables.map(table => 4 * table.length)
  const starts = [0, sizes[0]!, sizes[0]! + sizes[1]!]
  const header = [0x0001eb9f, 32, ...sizes.flatMap((size, i) => [starts[i]!, size])]
  const words = [...header, ...tables.flat()]
  const view = new DataView(new ArrayBuffer(4 * words.length))
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, littleEndian)
  if (!littleEndian) new Uint8Array(view.buffer).set([0xeb, 0x9f, 1, 0])
  return new Uint8Array(view.buffer)
}
