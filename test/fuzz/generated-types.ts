import fc from 'fast-check'
import { type BtfMember, BtfWriter, type NewType, type TypeId } from '../../src/btf/index.ts'
import type { Sound } from './damage.ts'
import { btfSound } from './sounds.ts'

/** One type to be made, as numbers: what it refers to depends on what is there already. */
type Recipe = readonly [kind: number, name: number, a: number, b: number, parts: number[]]

const recipe: fc.Arbitrary<Recipe> = fc.tuple(
  fc.nat(),
  fc.nat(),
  fc.nat(),
  fc.nat(),
  fc.array(fc.nat(), { maxLength: 6 }),
)

export interface TypesRecipe {
  readonly types: readonly Recipe[]
  /** How often all of them are made. */
  readonly times: number
  readonly littleEndian: boolean
}

/** One in fifty documents is large: what takes the square of a size is seen there. */
export const oftenOnce: fc.Arbitrary<number> = fc.oneof(
  { arbitrary: fc.constant(1), weight: 49 },
  { arbitrary: fc.constant(400), weight: 1 },
)

export const typesRecipe: fc.Arbitrary<TypesRecipe> = fc.record({
  types: fc.array(recipe, { maxLength: 24, size: 'max' }),
  times: oftenOnce,
  littleEndian: fc.boolean(),
})

/** Blobs of types of all kinds that refer to each other, by the rules. */
export const generatedTypes: fc.Arbitrary<Sound> = typesRecipe.map(recipe => {
  const maker = new TypeMaker(recipe.littleEndian)
  maker.addAll(recipe)
  return btfSound('generated types', maker.finish())
})

const names = ['x', 'int', 'value', 'flow_key', 'a', 'struct', 'größe', 'Option<u8>', 'x___old', 'char']
const sizes = [1, 2, 4, 8, 16]

/** Makes each type of a recipe a right one. */
export class TypeMaker {
  readonly writer: BtfWriter
  readonly rename: (name: string) => string
  /** Bytes of a value, of the types that have values. */
  readonly #sizes = new Map<TypeId, number>()
  readonly #int: TypeId
  readonly #protos: TypeId[] = []
  readonly #functions: TypeId[] = []
  readonly #variables: TypeId[] = []
  readonly #tagged: { readonly id: TypeId; readonly parts: number }[] = []
  /** A name that a type must have is another for each. */
  #named = 0

  /** @param rename makes other names of those that it has */
  constructor(littleEndian: boolean, rename: (name: string) => string = name => name) {
    this.rename = rename
    this.writer = new BtfWriter({ littleEndian })
    this.#int = this.int('int', 4, true)
  }

  finish(): Uint8Array {
    return this.writer.finish()
  }

  int(name: string, size: number, signed: boolean): TypeId {
    return this.#value(
      { kind: 'int', name, size, signed, char: false, bool: false, bits: 8 * size, bitOffset: 0 },
      size,
    )
  }

  pointer(type: TypeId): TypeId {
    return this.#value({ kind: 'ptr', name: '', type }, 8)
  }

  array(elementType: TypeId, length: number): TypeId {
    const size = (this.#sizes.get(elementType) ?? 0) * length
    return this.#value({ kind: 'array', name: '', elementType, indexType: this.#int, length }, size)
  }

  struct(name: string, size: number, members: readonly BtfMember[]): TypeId {
    return this.#value({ kind: 'struct', name, size, members }, size)
  }

  sizeOf(id: TypeId): number {
    return this.#sizes.get(id) ?? 0
  }

  /** The id of a type with values; always the same for the same number. */
  anyValue(n: number): TypeId {
    return [...this.#sizes.keys()][n % this.#sizes.size]!
  }

  /** A struct or union that has members, if there is one. */
  composite(n: number): TypeId | undefined {
    const some = this.#tagged.filter(({ parts }) => parts > 0)
    return some[n % some.length]?.id
  }

  addAll({ types, times }: TypesRecipe): void {
    for (let i = 0; i < times; i++) for (const one of types) this.add(one)
  }

  add([kind, nameAt, a, b, parts]: Recipe): void {
    const name = this.rename(names[nameAt % names.length]!)
    const some = this.anyValue(a)
    switch (kind % 16) {
      case 0:
        this.int(name, sizes[a % sizes.length]!, b % 2 === 0)
        return
      case 1:
        this.pointer(a % 7 === 0 ? 0 : a % 5 === 0 ? this.writer.nextId + 1 : some)
        if (a % 7 !== 0 && a % 5 === 0) this.int('', 4, false) // what it points to came later
        return
      case 2:
        this.array(some, b % 5)
        return
      case 3:
      case 4:
        this.#composite(kind % 2 === 0 ? 'struct' : 'union', name, parts)
        return
      case 5:
        this.#enum(name, a, parts)
        return
      case 6:
        this.writer.add({ kind: 'fwd', name, of: a % 2 === 0 ? 'struct' : 'union' })
        return
      case 7:
        this.#tagged.push({ id: this.#modifier({ kind: 'typedef', name, type: some }, some), parts: 0 })
        return
      case 8:
        this.#modifier(
          { kind: (['const', 'volatile', 'restrict'] as const)[b % 3]!, name: '', type: some },
          some,
        )
        return
      case 9:
        this.#protos.push(this.#proto(some, parts))
        return
      case 10:
        this.#function(name, b)
        return
      case 11:
        this.#variables.push(
          this.writer.add({ kind: 'var', name: `${name}${++this.#named}`, type: some, linkage: 'global' }),
        )
        return
      case 12:
        this.#section(parts)
        return
      case 13:
        this.writer.add({ kind: 'float', name, size: [2, 4, 8, 12, 16][a % 5]! })
        return
      case 14:
        this.#tag(name, a, b)
        return
      default:
        this.#modifier({ kind: 'type_tag', name, type: some, attribute: b % 2 === 0 }, some)
    }
  }

  #value(type: NewType, size: number): TypeId {
    const id = this.writer.add(type)
    // a modifier of a modifier of ... would not be right for ever
    if (this.#sizes.size < 20) this.#sizes.set(id, size)
    return id
  }

  #modifier(type: NewType, of: TypeId): TypeId {
    return this.#value(type, this.sizeOf(of))
  }

  #composite(kind: 'struct' | 'union', name: string, parts: readonly number[]): void {
    let end = 0
    const members: BtfMember[] = parts.map((n, i): BtfMember => {
      const type = this.anyValue(n)
      const bitOffset = kind === 'union' ? 0 : 8 * end
      end = Math.max(kind === 'union' ? end : 0, bitOffset / 8 + this.sizeOf(type))
      return { name: n % 11 === 0 ? '' : this.rename(`m${i}`), type, bitOffset, bitSize: 0 }
    })
    if (kind === 'struct' && parts.length % 3 === 2) {
      members.push({ name: 'bits', type: this.#int, bitOffset: 8 * end, bitSize: 3 })
      end += 4
    }
    const id = this.#value({ kind, name, size: end, members }, end)
    this.#tagged.push({ id, parts: members.length })
  }

  #enum(name: string, a: number, parts: readonly number[]): void {
    const size = [1, 2, 4, 8][a % 4]!
    const values = parts.map((n, i) => ({
      name: this.rename(`E${i}`),
      value: a % 3 === 0 ? BigInt(n) << 20n : n,
    }))
    const kind = a % 3 === 0 ? 'enum64' : 'enum'
    this.#value({ kind, name, size, signed: a % 2 === 0, values }, size)
  }

  #proto(returnType: TypeId, parts: readonly number[]): TypeId {
    const params = parts.map((n, i) => ({ name: this.rename(`p${i}`), type: this.anyValue(n) }))
    if (parts.length % 4 === 3) params.push({ name: '', type: 0 })
    return this.writer.add({ kind: 'func_proto', name: '', returnType, params })
  }

  #function(name: string, b: number): void {
    const type = this.#protos[b % this.#protos.length]
    if (type === undefined) return
    const linkage = (['static', 'global', 'extern'] as const)[b % 3]!
    this.#functions.push(this.writer.add({ kind: 'func', name: `${name}${++this.#named}`, type, linkage }))
  }

  #section(parts: readonly number[]): void {
    const all = this.#variables.splice(0)
    const variables = all.map(type => ({ type, offset: 0, size: 0 }))
    this.writer.add({ kind: 'datasec', name: `.data.s${parts.length}`, size: 0, variables })
  }

  #tag(name: string, a: number, b: number): void {
    const target = this.#tagged[a % this.#tagged.length]
    if (target === undefined) return
    const component = target.parts > 0 && b % 2 === 0 ? b % target.parts : -1
    this.writer.add({ kind: 'decl_tag', name, type: target.id, component, attribute: false })
  }
}
