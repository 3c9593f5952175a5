import {
  type Btf,
  type BtfArray,
  type BtfComposite,
  type BtfDatasec,
  type BtfEnum,
  type BtfMember,
  type BtfType,
  createCodec,
  isChar,
  isNarrow,
  placedMembers,
  type TypeId,
  typeName,
  uniqueNames,
} from '../btf/index.ts'
import { BtfError } from '../errors.ts'
import { type FieldGroup, type NamedField, objectType, type ValueType } from './fields.ts'
import { inComment, quoted, typeNameFor, type UniqueNames } from './names.ts'

/** Arrays are written out as tuples up to so many elements, so that one of another length does not compile. */
const longestTuple = 16

/** More text than the type of a map should ever have; a malformed blob could ask for gigabytes. */
const textLimit = 2 ** 20

const number: ValueType = { read: 'number', write: 'number' }
const boolean: ValueType = { read: 'boolean', write: 'boolean' }
const bigint: ValueType = { read: 'bigint', write: 'bigint | number' }
/** Bytes of no known type are only taken as such. */
export const untypedBytes: ValueType = { read: 'Uint8Array', write: 'Uint8Array' }
const bytes: ValueType = { read: 'Uint8Array', write: 'Uint8Array | readonly number[]' }
const text: ValueType = { read: 'string', write: 'string | Uint8Array' }

/**
 * The TypeScript types of values as a codec decodes and encodes them (`btf/codec.ts` decides, this follows). Structs,
 * unions and enums that have a name become declarations, once each.
 */
export class ValueTypes {
  /** `export type ...`, in the order in which they were asked for, those that a type is made of before it. */
  readonly declarations: string[] = []
  readonly #btf: Btf
  readonly #names: UniqueNames
  readonly #known = new Map<TypeId, ValueType>()
  readonly #enums = new Map<TypeId, string>()

  constructor(btf: Btf, names: UniqueNames) {
    this.#btf = btf
    this.#names = names
  }

  /** @throws BtfError for what no codec can be made of. */
  of(id: TypeId): ValueType {
    // whatever leads nowhere, or on for ever, is refused here
    createCodec(this.#btf, id)
    return this.#of(id)
  }

  #of(id: TypeId): ValueType {
    const type = this.#btf.resolve(id)
    const known = this.#known.get(type.id)
    if (known) return known
    const made = this.#make(type, id)
    if (made.read.length + made.write.length > textLimit) {
      throw new BtfError(this.#btf.records.place(id), 'is too large a type to be written out')
    }
    this.#known.set(type.id, made)
    return made
  }

  #make(type: BtfType, id: TypeId): ValueType {
    switch (type.kind) {
      case 'int':
        return type.bits > 32 ? bigint : type.bool ? boolean : number
      case 'enum':
      case 'enum64':
        return this.#enum(type, id, type.size === 8)
      case 'float':
        return type.size === 4 || type.size === 8 ? number : bytes
      case 'array':
        return this.#array(type)
      case 'struct':
      case 'union':
        return this.#composite(type, id)
      case 'datasec':
        return objectType(this.#section(type))
      case 'var':
        return this.#of(type.type)
      default:
        // a pointer: everything else was refused
        return bigint
    }
  }

  #array({ elementType, length }: BtfArray): ValueType {
    const element = this.#btf.resolve(elementType)
    if (element.kind === 'int' && element.size === 1 && element.bits === 8) {
      if (isChar(element)) return text
      if (!element.signed && !element.bool) return bytes
    }
    const { read, write } = this.#of(elementType)
    return { read: arrayOf(read, length), write: arrayOf(write, length) }
  }

  #composite(type: BtfComposite, id: TypeId): ValueType {
    const made = objectType(this.#group(type, 0))
    const name = this.#nameOf(type, id)
    if (name === '') return made
    const isOne = made.read === made.write
    const own = this.#names.take(typeNameFor(name, 'Struct'), one => [`${one}Input`])
    const what = inComment(`${type.kind} ${name}`)
    this.declarations.push(
      `/** \`${what}\`, ${bytesText(type.size)}. */\nexport type ${own} = ${made.read}\n`,
    )
    if (isOne) return { read: own, write: own }
    this.declarations.push(
      `/** What is taken for {@link ${own}}. */\nexport type ${own}Input = ${made.write}\n`,
    )
    return { read: own, write: `${own}Input` }
  }

  /** Of what has no name itself, the typedef's. */
  #nameOf(type: BtfComposite | BtfEnum, id: TypeId): string {
    let name = type.name
    for (let at = id; name === '' && at !== type.id; ) {
      const outer = this.#btf.type(at)
      if (outer.kind === 'typedef') name = outer.name
      // only modifiers lead from one to the other
      at = 'type' in outer ? outer.type : type.id
    }
    return name
  }

  #group(composite: BtfComposite, base: number): FieldGroup {
    const items: (NamedField | FieldGroup)[] = []
    for (const member of placedMembers(this.#btf, composite)) {
      const type = this.#btf.resolve(member.type)
      if (member.name !== '') items.push(this.#field(member, base))
      else if (type.kind === 'struct' || type.kind === 'union') {
        items.push(this.#group(type, base + member.bitOffset / 8))
      }
    }
    return { kind: composite.kind === 'union' ? 'any' : 'all', items }
  }

  #field(member: BtfMember, base: number): NamedField {
    const { name, bitOffset, bitSize } = member
    const offset = base + Math.floor(bitOffset / 8)
    const size = this.#btf.sizeOf(member.type)
    const declared = typeName(this.#btf, member.type)
    const place =
      bitSize === 0
        ? `\`${declared}\` at ${offset}, ${bytesText(size)}`
        : `\`${declared}\` at ${offset}, ${bitSize === 1 ? '1 bit,' : `${bitSize} bits,`} from bit ${bitOffset % 8} on`
    const type = bitSize === 0 ? this.#of(member.type) : this.#bitfield(member)
    return { kind: 'field', name, type, place, isEmpty: size === 0 }
  }

  #bitfield({ type: id, bitSize }: BtfMember): ValueType {
    const type = this.#btf.resolve(id)
    if (type.kind === 'enum' || type.kind === 'enum64') return this.#enum(type, id, !isNarrow(bitSize))
    if (!isNarrow(bitSize)) return bigint
    return type.kind === 'int' && type.bool ? boolean : number
  }

  /** Names, or a number that has none. */
  #enum(type: BtfEnum, id: TypeId, isWide: boolean): ValueType {
    const names = this.#enumNames(type, id)
    const or = names === '' ? '' : `${names} | `
    return isWide
      ? { read: `${or}bigint`, write: `${or}bigint | number` }
      : { read: `${or}number`, write: `${or}number` }
  }

  #enumNames(type: BtfEnum, id: TypeId): string {
    const known = this.#enums.get(type.id)
    if (known !== undefined) return known
    const names = [...new Set(type.values.map(({ name }) => name))].map(quoted).join(' | ')
    const name = names === '' ? '' : this.#nameOf(type, id)
    const own = name === '' ? names : this.#names.take(typeNameFor(name, 'Enum'))
    this.#enums.set(type.id, own)
    if (name === '') return own
    const what = inComment(`enum ${name}`)
    this.declarations.push(
      `/** The names of \`${what}\`, ${bytesText(type.size)}. */\nexport type ${own} = ${names}\n`,
    )
    return own
  }

  #section(datasec: BtfDatasec): FieldGroup {
    const unique = uniqueNames()
    const items = datasec.variables.map(({ type, offset, size }): NamedField => {
      const name = unique(this.#btf.nameOf(type))
      const place = `at ${offset}, ${bytesText(size)}`
      return { kind: 'field', name, type: this.#of(type), place, isEmpty: size === 0 }
    })
    return { kind: 'all', items }
  }
}

function arrayOf(element: string, length: number): string {
  const isShort = length > 0 && length <= longestTuple && element.length <= 40
  if (isShort) return `readonly [${new Array(length).fill(element).join(', ')}]`
  return `readonly ${listOf(element)}`
}

/** `number[]`, `(bigint | number)[]`. */
export function listOf(element: string): string {
  return /^[\w$]+$/.test(element) ? `${element}[]` : `(${element})[]`
}

function bytesText(size: number): string {
  return size === 1 ? '1 byte' : `${size} bytes`
}
