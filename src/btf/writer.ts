import { BpfError, BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import {
  type BtfArray,
  type BtfComposite,
  type BtfEnum,
  type BtfInt,
  type BtfMember,
  type BtfType,
  kinds,
  type TypeId,
} from './types.ts'

/** A type to be written: as it is read, without its id. */
export type NewType = WithoutId<BtfType>
type WithoutId<T> = T extends { readonly id: TypeId } ? Omit<T, 'id'> : never

export interface BtfWriterOptions {
  /** Byte order; default little-endian. */
  readonly littleEndian?: boolean
  /** Write split BTF that continues this blob: ids and string offsets go on behind its last. */
  readonly base?: Btf
}

const magic = 0xeb9f
const headerSize = 24
const linkages = ['static', 'global', 'extern'] as const

/**
 * Writes a BTF blob type by type. Types may refer to ids that are yet to come; nothing but the ranges of the format is
 * checked here, so that tests can write what is wrong: {@link Btf.check} on the result says whether it is right.
 *
 * @example
 * const writer = new BtfWriter()
 * const int = writer.add({ kind: 'int', name: 'int', size: 4, signed: true, char: false, bool: false, bits: 32, bitOffset: 0 })
 * writer.add({ kind: 'typedef', name: 's32', type: int })
 * const btf = parseBtf(writer.finish())
 */
export class BtfWriter {
  readonly #littleEndian: boolean
  readonly #words: number[] = []
  readonly #strings: Strings
  #nextId: TypeId

  constructor({ littleEndian = true, base }: BtfWriterOptions = {}) {
    this.#littleEndian = littleEndian
    this.#strings = new Strings(base)
    this.#nextId = (base?.count ?? 0) + 1
  }

  /** The id that the next type will get. */
  get nextId(): TypeId {
    return this.#nextId
  }

  /**
   * Appends a type.
   *
   * @returns Its id.
   * @throws BtfError for what the format cannot hold: a bitfield beyond bit 2^24, more than 65,535 members.
   */
  add(type: NewType): TypeId {
    const id = this.#nextId
    const { words, vlen, flag } = this.#encode(type, id)
    if (vlen > 0xffff) throw new BtfError(`.BTF/type[${id}]`, `${vlen} entries are more than 65535`)
    const info = ((flag ? 0x80000000 : 0) | (kinds.indexOf(type.kind) << 24) | vlen) >>> 0
    this.#words.push(this.string(type.name), info)
    for (const word of words) this.#words.push(word)
    this.#nextId++
    return id
  }

  /** The offset of a string in the string section, where it is added if it is not there yet. */
  string(text: string): number {
    return this.#strings.offsetOf(text)
  }

  /** The blob. */
  finish(): Uint8Array {
    const strings = this.#strings.bytes()
    const typesLength = 4 * this.#words.length
    const bytes = new Uint8Array(headerSize + typesLength + strings.length)
    const view = new DataView(bytes.buffer)
    const little = this.#littleEndian
    view.setUint16(0, magic, little)
    view.setUint8(2, 1)
    const header = [headerSize, 0, typesLength, typesLength, strings.length]
    header.forEach((word, i) => {
      view.setUint32(4 + 4 * i, word, little)
    })
    this.#words.forEach((word, i) => {
      view.setUint32(headerSize + 4 * i, word, little)
    })
    bytes.set(strings, headerSize + typesLength)
    return bytes
  }

  #encode(type: NewType, id: TypeId): Encoded {
    switch (type.kind) {
      case 'void':
        throw new BpfError('void is type 0 of every blob and cannot be added', { code: 'ERR_VALUE' })
      case 'int':
        return plain(type.size, intWord(type))
      case 'float':
        return plain(type.size)
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
        return plain(type.type)
      case 'type_tag':
        return { words: [type.type], vlen: 0, flag: type.attribute }
      case 'decl_tag':
        return { words: [type.type, type.component >>> 0], vlen: 0, flag: type.attribute }
      case 'fwd':
        return { words: [0], vlen: 0, flag: type.of === 'union' }
      case 'var':
        return plain(type.type, linkages.indexOf(type.linkage))
      case 'func':
        return { words: [type.type], vlen: linkages.indexOf(type.linkage), flag: false }
      case 'array':
        return plain(0, ...arrayWords(type))
      case 'struct':
      case 'union':
        return this.#composite(type, id)
      case 'enum':
      case 'enum64':
        return this.#enum(type)
      case 'func_proto':
        return list(type.returnType, type.params, param => [this.string(param.name), param.type])
      case 'datasec':
        return list(type.size, type.variables, variable => [variable.type, variable.offset, variable.size])
    }
  }

  #composite(type: Omit<BtfComposite, 'id'>, id: TypeId): Encoded {
    const flag = type.members.some(member => member.bitSize !== 0)
    const encoded = list(type.size, type.members, (member, i) => {
      const part = `.BTF/type[${id}]/member[${i}]`
      return [this.string(member.name), member.type, flag ? bitfieldWord(member, part) : member.bitOffset]
    })
    return { ...encoded, flag }
  }

  #enum(type: Omit<BtfEnum, 'id'>): Encoded {
    const encoded = list(type.size, type.values, ({ name, value }) => {
      const bits = BigInt.asUintN(64, BigInt(value))
      const low = Number(bits & 0xffffffffn)
      const nameAt = this.string(name)
      return type.kind === 'enum' ? [nameAt, low] : [nameAt, low, Number(bits >> 32n)]
    })
    return { ...encoded, flag: type.signed }
  }
}

/** What follows the name and the kind of a type: its size or type, then the rest of its record. */
interface Encoded {
  readonly words: readonly number[]
  readonly vlen: number
  readonly flag: boolean
}

function plain(...words: number[]): Encoded {
  return { words, vlen: 0, flag: false }
}

function list<T>(
  sizeOrType: number,
  items: readonly T[],
  words: (item: T, index: number) => readonly number[],
): Encoded {
  return { words: [sizeOrType, ...items.flatMap(words)], vlen: items.length, flag: false }
}

function intWord({ signed, char, bool, bits, bitOffset }: Omit<BtfInt, 'id'>): number {
  const encoding = (signed ? 1 : 0) | (char ? 2 : 0) | (bool ? 4 : 0)
  return ((encoding << 24) | (bitOffset << 16) | bits) >>> 0
}

function arrayWords({ elementType, indexType, length }: Omit<BtfArray, 'id'>): number[] {
  return [elementType, indexType, length]
}

/** In a struct that has bitfields an offset has 24 bits and the width 8. */
function bitfieldWord({ bitOffset, bitSize }: BtfMember, where: string): number {
  if (bitOffset > 0xffffff) {
    throw new BtfError(where, `bit ${bitOffset} is beyond what a struct with bitfields can say`)
  }
  if (bitSize > 0xff) throw new BtfError(where, `a bitfield of ${bitSize} bits is wider than 255`)
  return ((bitSize << 24) | bitOffset) >>> 0
}

/** The string section under construction; equal strings are written once. */
class Strings {
  // offset 0 is the empty string of the blob, or of its base
  readonly #offsets = new Map<string, number>([['', 0]])
  readonly #parts: Uint8Array[] = []
  readonly #encoder = new TextEncoder()
  readonly #start: number
  #end: number

  constructor(base: Btf | undefined) {
    this.#start = base?.records.stringsLength ?? 0
    this.#end = this.#start
    if (base === undefined) this.#append(new Uint8Array(0))
  }

  offsetOf(text: string): number {
    const known = this.#offsets.get(text)
    if (known !== undefined) return known
    if (text.includes('\0')) throw new BpfError(`the name '${text}' holds a NUL`, { code: 'ERR_VALUE' })
    const offset = this.#end
    this.#offsets.set(text, offset)
    this.#append(this.#encoder.encode(text))
    return offset
  }

  #append(text: Uint8Array): void {
    this.#parts.push(text)
    this.#end += text.length + 1
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#end - this.#start)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length + 1
    }
    return bytes
  }
}
