import type { Field, Part } from './fields.ts'
import type { Random } from './random.ts'

/** A sound document, and the numbers in it that damage aims at. */
export interface Sound {
  readonly name: string
  readonly bytes: Uint8Array
  readonly parts: readonly Part[]
}

/** One change: what is done, where, and with what. All are just numbers. */
export type Edit = readonly [what: number, part: number, place: number, value: number]

/** Few changes find more than many, which hide each other. */
const mostEdits = 5

export function someEdits(random: Random): Edit[] {
  const changes: Edit[] = []
  do {
    changes.push([random.next(), random.next(), random.next(), random.next()])
  } while (changes.length < mostEdits && random.next() % 8 < 5)
  return changes
}

/** What a change may add at most. */
const mostAdded = 64

/** The document with these changes; the document itself stays as it is. */
export function damaged(sound: Sound, changes: readonly Edit[]): Uint8Array {
  const memory = new Uint8Array(sound.bytes.length + changes.length * mostAdded)
  memory.set(sound.bytes)
  let bytes = memory.subarray(0, sound.bytes.length)
  for (const [what, part, place, value] of changes) {
    if (bytes.length === 0) break
    const fields = sound.parts.length === 0 ? undefined : sound.parts[part % sound.parts.length]
    const field = fields && fields.length > 0 ? fields[place % fields.length] : undefined
    // three of four know what they do
    if (what % 4 !== 0 && field && fields && field.at + field.size <= bytes.length) {
      changeField(bytes, field, fields, what >>> 2, value)
    } else bytes = changeBytes(bytes, what >>> 2, place, value)
  }
  return bytes
}

const extremes: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 8n, 12n, 16n, 0x20n, 0x7fn, 0x80n, 0xffn, 0xff00n, 0xfff1n, 0xfff2n, 0xffffn],
  ...[0x10000n, 0xffffffn, 0x7fffffffn, 0x80000000n, 0xfffffff0n, 0xfffffff8n, 0xffffffffn, 0x100000000n],
  ...[0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xfffffffffffffff8n],
  0xffffffffffffffffn,
]

function changeField(
  bytes: Uint8Array,
  field: Field,
  others: readonly Field[],
  how: number,
  value: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const before = read(view, field)
  const other = alikeTo(field, others, bytes.length, value)
  write(view, field, newValue())
  if (how % 6 === 3) write(view, other, before)

  function newValue(): bigint {
    switch (how % 6) {
      case 0:
        return extremes[value % extremes.length]!
      case 1:
        return before + BigInt((value % 33) - 16)
      case 2:
      case 3:
        // an id, an offset, a size that is right elsewhere: circles, duplicates, overlaps
        return read(view, other)
      case 4:
        // about what an index, an id or a count may be
        return BigInt(value % 64)
      default:
        return BigInt(value % (bytes.length + 1))
    }
  }
}

/** In place, and so long that they may become longer by {@link mostAdded}. -> the document, which may have another end */
function changeBytes(
  bytes: Uint8Array<ArrayBuffer>,
  how: number,
  place: number,
  value: number,
): Uint8Array<ArrayBuffer> {
  const at = place % bytes.length
  switch (how % 8) {
    case 0:
    case 1:
      bytes[at]! ^= 1 << (value % 8)
      return bytes
    case 2:
    case 3:
      bytes[at] = value
      return bytes
    case 4:
      // some bytes over others
      return bytes.copyWithin(at, value % bytes.length, (value % bytes.length) + (1 << (value % 10)))
    case 5:
      return bytes.fill(value % 3 === 0 ? 0xff : 0, at, at + (1 << (value % 7)))
    case 6: {
      const added = value % mostAdded
      const longer = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length + added)
      return longer.copyWithin(at + added, at, bytes.length).fill(0, at, at + added)
    }
    default:
      return bytes.subarray(0, value % 2 === 0 ? at : bytes.length - Math.min(bytes.length, value % 64))
  }
}

/** One of the same role that is still there: the next one from a place that the value says. */
function alikeTo(field: Field, others: readonly Field[], length: number, value: number): Field {
  for (let i = 0; i < others.length; i++) {
    const other = others[(value + i) % others.length]!
    if (other.role === field.role && other.at + other.size <= length) return other
  }
  return field
}

function read(view: DataView, { at, size, littleEndian }: Field): bigint {
  if (size === 8) return view.getBigUint64(at, littleEndian)
  if (size === 4) return BigInt(view.getUint32(at, littleEndian))
  return BigInt(size === 2 ? view.getUint16(at, littleEndian) : view.getUint8(at))
}

function write(view: DataView, { at, size, littleEndian }: Field, value: bigint): void {
  const bits = BigInt.asUintN(8 * size, value)
  if (size === 8) view.setBigUint64(at, bits, littleEndian)
  else if (size === 4) view.setUint32(at, Number(bits), littleEndian)
  else if (size === 2) view.setUint16(at, Number(bits), littleEndian)
  else view.setUint8(at, Number(bits))
}
