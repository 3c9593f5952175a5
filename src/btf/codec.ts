import { BpfError, BtfError } from '../errors.ts'
import { viewOf } from '../parser/view.ts'
import { arrayPart, bytesPart, textPart } from './array.ts'
import { isNarrow, narrowBits, wideBits } from './bits.ts'
import type { Btf } from './btf.ts'
import { isChar, uniqueNames } from './layout.ts'
import { depthLimit } from './measure.ts'
import { placedMembers } from './members.ts'
import { Misfit } from './misfit.ts'
import { type Group, type Missing, objectPart, type Slot } from './object.ts'
import { bigintPart, boolPart, enumPart, floatPart, narrowInt, numberPart, wideInt } from './scalar.ts'
import {
  type BtfArray,
  type BtfComposite,
  type BtfDatasec,
  type BtfEnum,
  type BtfFloat,
  type BtfInt,
  type BtfMember,
  oneOf,
  type TypeId,
} from './types.ts'
import type { Part, Value } from './value.ts'

/** Decodes and encodes values of one type. */
export interface Codec {
  /** Bytes of a value. */
  readonly size: number
  /**
   * Reads the value at `offset`, as {@link Value} says.
   *
   * @throws BpfError `ERR_VALUE` when there are fewer than `size` bytes.
   */
  decode(bytes: Uint8Array | DataView, offset?: number): Value
  /**
   * Writes a whole value at `offset`; padding becomes 0. Every field must be given (of a union one member), and integers
   * may be number or bigint, enumerations name or number, bytes a Uint8Array or an array of numbers, text a string
   * or exactly as many bytes as the array has. When the value does not fit, nothing is written.
   *
   * @throws BpfError `ERR_VALUE`, or `ERR_UNKNOWN_NAME` for a field or an enumerator that does not exist; the message
   * begins with the field's path: `value.count: 300 does not fit u8 (0..255)`.
   */
  encode(value: Value, bytes: Uint8Array | DataView, offset?: number): void
}

/** More values than a decode should ever make. */
const weightLimit = 2 ** 26
/** And how many for each byte of a value, unless they are few: members may overlap, so that four bytes are millions. */
const weightPerByte = 64
const leastWeight = 2 ** 16

/** More members than a type should ever have, anonymous ones opened up. */
const memberLimit = 2 ** 18

/**
 * Compiles a type to a codec. Integers have the byte order of the blob.
 *
 * @param what - How errors name a value: `key`.
 * @param missing - `'zero'`: fields that are not given are written as zeros, at any depth.
 * @throws BtfError for a type without size, one that holds itself or is nested more than 32 deep, and a DATASEC that
 * is not filled in.
 */
export function createCodec(
  btf: Btf,
  id: TypeId,
  what = 'value',
  { missing = 'refused' }: { readonly missing?: Missing } = {},
): Codec {
  const size = btf.sizeOf(id)
  const part = new Compiler(btf, missing).compile(id, 0)
  const most = Math.min(weightLimit, Math.max(leastWeight, weightPerByte * size))
  if (part.weight > most) {
    throw new BtfError(
      btf.records.place(id),
      `a value of ${size} bytes holds ${part.weight} values, more than the ${most} allowed`,
    )
  }
  const encodeAt = part.isScalar ? part.encode : wholeEncoder(part, size)
  return {
    size,
    decode(bytes, offset = 0) {
      return part.decode(viewAt(bytes, offset, size, what), offset)
    },
    encode(value, bytes, offset = 0) {
      const view = viewAt(bytes, offset, size, what)
      try {
        encodeAt(value, view, offset)
      } catch (error) {
        throw error instanceof Misfit ? error.toError(what) : error
      }
    },
  }
}

function viewAt(bytes: Uint8Array | DataView, offset: number, size: number, what: string): DataView {
  if (!(offset >= 0 && offset + size <= bytes.byteLength)) {
    const problem = `needs ${size} bytes at offset ${offset}, but there are ${bytes.byteLength} in all`
    throw new BpfError(`${what}: ${problem}`, { code: 'ERR_VALUE' })
  }
  return bytes instanceof DataView ? bytes : viewOf(bytes)
}

/** Through a buffer of its own: nothing of a value that does not fit is seen, and no byte of what was there before. */
function wholeEncoder(part: Part, size: number): Part['encode'] {
  let spare: DataView | undefined
  return (value, view, at) => {
    // taken while in use: a getter in the value could encode again
    const scratch = spare ?? new DataView(new ArrayBuffer(size))
    spare = undefined
    clear(scratch, size)
    part.encode(value, scratch, 0)
    copy(scratch, view, at, size)
    spare = scratch
  }
}

/** Up to here, going word by word is faster than making views. */
const smallSize = 256

// The size is handed on because V8 calls a function for each look at `byteLength`.

function clear(view: DataView, size: number): void {
  if (size > smallSize) {
    new Uint8Array(view.buffer).fill(0)
    return
  }
  let at = 0
  for (; at + 4 <= size; at += 4) view.setUint32(at, 0)
  for (; at < size; at++) view.setUint8(at, 0)
}

function copy(from: DataView, to: DataView, offset: number, size: number): void {
  if (size > smallSize) {
    new Uint8Array(to.buffer, to.byteOffset + offset).set(new Uint8Array(from.buffer))
    return
  }
  let at = 0
  for (; at + 4 <= size; at += 4) to.setUint32(offset + at, from.getUint32(at))
  for (; at < size; at++) to.setUint8(offset + at, from.getUint8(at))
}

/** The name as V8 keeps those of properties: with a piece of a longer string, as BTF gives it, a look takes ten times as long. */
function keyOf(name: string): string {
  return Object.keys({ [name]: 0 })[0]!
}

class Compiler {
  readonly #btf: Btf
  readonly #missing: Missing
  readonly #parts = new Map<TypeId, Part>()
  #members = 0

  constructor(btf: Btf, missing: Missing) {
    this.#btf = btf
    this.#missing = missing
  }

  /** The same type is compiled once, however often it occurs. */
  compile(id: TypeId, depth: number): Part {
    const ready = this.#parts.get(id)
    if (ready) return ready
    if (depth > depthLimit) {
      throw new BtfError(
        this.#btf.records.place(id),
        `holds itself, or is nested more than ${depthLimit} deep`,
      )
    }
    const part = this.#compileKind(id, depth)
    this.#parts.set(id, part)
    return part
  }

  #compileKind(id: TypeId, depth: number): Part {
    const type = this.#btf.resolve(id)
    switch (type.kind) {
      case 'int':
        return this.#int(type)
      case 'enum':
      case 'enum64':
        return this.#enum(type)
      case 'ptr':
        return bigintPart(64, false, wideInt(8, false, this.#btf.littleEndian))
      case 'float':
        return this.#float(type)
      case 'array':
        return this.#array(type, depth)
      case 'struct':
      case 'union':
        return objectPart(this.#group(type, 0, depth), this.#missing)
      case 'var':
        return this.compile(type.type, depth + 1)
      case 'datasec':
        return objectPart(this.#section(type, depth))
      default:
        throw new BtfError(this.#btf.records.place(id), `${oneOf(type.kind)} has no values`)
    }
  }

  #int(type: BtfInt): Part {
    const { size, signed } = type
    const little = this.#btf.littleEndian
    const isWhole = type.bits === 8 * size
    if (!isWhole) return this.#bits(type, type.bool, type.bitOffset, type.bits)
    if (size === 1 || size === 2 || size === 4) {
      const raw = narrowInt(size, signed, little)
      return type.bool ? boolPart(raw) : numberPart(type.bits, signed, raw)
    }
    if (size === 8 || size === 16) return bigintPart(type.bits, signed, wideInt(size, signed, little))
    return this.#bits(type, type.bool, 0, type.bits)
  }

  #enum(type: BtfEnum): Part {
    const { size, signed } = type
    const little = this.#btf.littleEndian
    const integer =
      size === 8
        ? bigintPart(64, signed, wideInt(8, signed, little))
        : // the rules of the kind leave 1, 2 and 4
          numberPart(8 * size, signed, narrowInt(size as 1 | 2 | 4, signed, little))
    return enumPart(type, integer, size === 8)
  }

  #float({ size }: BtfFloat): Part {
    return size === 4 || size === 8 ? floatPart(size, this.#btf.littleEndian) : bytesPart(size)
  }

  #array(array: BtfArray, depth: number): Part {
    const element = this.#btf.resolve(array.elementType)
    if (element.kind === 'int' && element.size === 1 && element.bits === 8) {
      if (isChar(element)) return textPart(array.length)
      if (!element.signed && !element.bool) return bytesPart(array.length)
    }
    const stride = this.#btf.sizeOf(array.elementType)
    return arrayPart(this.compile(array.elementType, depth + 1), array.length, stride)
  }

  #group(composite: BtfComposite, offset: number, depth: number): Group {
    const where = this.#btf.records.place(composite.id)
    if (depth > depthLimit) {
      throw new BtfError(where, `holds itself, or is nested more than ${depthLimit} deep`)
    }
    this.#members += composite.members.length
    if (this.#members > memberLimit) throw new BtfError(where, `leads to more than ${memberLimit} members`)
    const items: (Slot | Group)[] = []
    for (const member of placedMembers(this.#btf, composite)) {
      const item = this.#item(member, offset, depth + 1)
      if (item) items.push(item)
    }
    return { kind: composite.kind === 'union' ? 'any' : 'all', offset, size: composite.size, items }
  }

  #item(member: BtfMember, base: number, depth: number): Slot | Group | undefined {
    const offset = base + Math.floor(member.bitOffset / 8)
    const type = this.#btf.resolve(member.type)
    if (member.name === '') {
      // an unnamed bitfield is padding
      return type.kind === 'struct' || type.kind === 'union' ? this.#group(type, offset, depth) : undefined
    }
    const { bitSize } = member
    const name = keyOf(member.name)
    const size = this.#btf.sizeOf(member.type)
    if (bitSize === 0) return { kind: 'slot', name, offset, size, part: this.compile(member.type, depth) }
    return { kind: 'slot', name, offset, size, part: this.#bitfield(member) }
  }

  #bitfield(member: BtfMember): Part {
    const { bitOffset, bitSize } = member
    const type = this.#btf.resolve(member.type)
    if (type.kind === 'int') return this.#bits(type, type.bool, bitOffset % 8, bitSize)
    if (type.kind === 'enum' || type.kind === 'enum64') {
      return enumPart(type, this.#bits(type, false, bitOffset % 8, bitSize), !isNarrow(bitSize))
    }
    throw new BtfError(
      this.#btf.records.place(member.type),
      `bitfield '${member.name}' is of kind ${type.kind}`,
    )
  }

  #bits(type: BtfInt | BtfEnum, isBool: boolean, bitOffset: number, bits: number): Part {
    const little = this.#btf.littleEndian
    if (bits > 64) {
      throw new BtfError(this.#btf.records.place(type.id), `a bitfield of ${bits} bits has no codec`)
    }
    if (!isNarrow(bits)) return bigintPart(bits, type.signed, wideBits(bitOffset, bits, type.signed, little))
    const raw = narrowBits(bitOffset, bits, type.signed, little)
    return isBool ? boolPart(raw) : numberPart(bits, type.signed, raw)
  }

  #section(datasec: BtfDatasec, depth: number): Group {
    if (datasec.size === 0 && datasec.variables.length > 0) {
      const where = this.#btf.records.place(datasec.id)
      throw new BtfError(where, `section ${datasec.name} has no offsets yet: fill them in first`)
    }
    const unique = uniqueNames()
    const items = datasec.variables.map(({ type, offset }): Slot => {
      const size = this.#btf.sizeOf(type)
      const name = keyOf(unique(this.#btf.nameOf(type)))
      return { kind: 'slot', name, offset, size, part: this.compile(type, depth + 1) }
    })
    return { kind: 'all', offset: 0, size: datasec.size, items }
  }
}
