import { viewOf } from '../parser/view.ts'
import { type Btf, parseBtf } from './btf.ts'
import { BtfWriter } from './writer.ts'

const headerSize = 24

/**
 * A blob with more types behind its own, which keep their ids.
 *
 * @param add appends them; they may refer to any type
 */
export function withTypes(btf: Btf, add: (writer: BtfWriter) => void): Btf {
  const writer = new BtfWriter({ littleEndian: btf.littleEndian, base: btf })
  add(writer)
  // what continues a blob has ids and places of names that go on where the blob ends: the two can be joined as they are
  const [own, more] = [partsOf(btf.bytes, btf.littleEndian), partsOf(writer.finish(), btf.littleEndian)]
  const typesLength = own.types.length + more.types.length
  const stringsLength = own.strings.length + more.strings.length
  const bytes = new Uint8Array(headerSize + typesLength + stringsLength)
  const view = new DataView(bytes.buffer)
  bytes.set(btf.bytes.subarray(0, 4)) // magic, version, flags
  for (const [i, word] of [headerSize, 0, typesLength, typesLength, stringsLength].entries()) {
    view.setUint32(4 + 4 * i, word, btf.littleEndian)
  }
  let at = headerSize
  for (const part of [own.types, more.types, own.strings, more.strings]) {
    bytes.set(part, at)
    at += part.length
  }
  return parseBtf(bytes)
}

/** The two sections of a blob that was read, so that its header holds (struct btf_header). */
function partsOf(bytes: Uint8Array, littleEndian: boolean): { types: Uint8Array; strings: Uint8Array } {
  const view = viewOf(bytes)
  const word = (at: number): number => view.getUint32(at, littleEndian)
  const start = word(4)
  const section = (offset: number, length: number): Uint8Array =>
    bytes.subarray(start + offset, start + offset + length)
  return { types: section(word(8), word(12)), strings: section(word(16), word(20)) }
}
