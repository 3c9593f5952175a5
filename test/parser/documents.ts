import { readdirSync, readFileSync } from 'node:fs'
import { type ByteRange, createScanner, type Scanner } from '../../src/parser/index.ts'

export const cores = ['wasm', 'twin'] as const

/** A type record of a made-up blob: name, kind, and how many 4-byte words follow the head (all zero). */
export interface Record {
  readonly name: string
  readonly kind: number
  readonly vlen?: number
  readonly words?: number
}

/** The two sections of a BTF blob without its header, laid out as a document: the types first. */
export interface Blob {
  readonly bytes: Uint8Array
  readonly types: ByteRange
  readonly strings: ByteRange
}

export function blob(records: readonly Record[], littleEndian = true): Blob {
  const names = new Map([['', 0]])
  let text = '\0'
  for (const { name } of records) {
    if (names.has(name)) continue
    names.set(name, Buffer.byteLength(text))
    text += `${name}\0`
  }
  const heads = records.flatMap(({ name, kind, vlen = 0, words = 0 }) => [
    names.get(name)!,
    ((kind << 24) | vlen) >>> 0,
    0,
    ...new Array<number>(words).fill(0),
  ])
  const types = { offset: 0, length: heads.length * 4 }
  const strings = { offset: types.length, length: Buffer.byteLength(text) }
  const bytes = new Uint8Array(types.length + strings.length)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of heads.entries()) view.setUint32(4 * i, word, littleEndian)
  bytes.set(Buffer.from(text), strings.offset)
  return { bytes, types, strings }
}

export function scannerOf({ bytes }: Blob, core: 'wasm' | 'twin', littleEndian = true): Scanner {
  const scanner = createScanner(bytes, { core })
  scanner.littleEndian = littleEndian
  return scanner
}

/** Where types and strings are in a whole BTF blob (struct btf_header), whatever the byte order. */
export function sectionsOf(bytes: Uint8Array): Pick<Blob, 'types' | 'strings'> & { littleEndian: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const littleEndian = view.getUint16(0, true) === 0xeb9f
  const [start, typesAt, typesLength, stringsAt, stringsLength] = [4, 8, 12, 16, 20].map(at =>
    view.getUint32(at, littleEndian),
  ) as [number, number, number, number, number] // five offsets, five numbers
  return {
    littleEndian,
    types: { offset: start + typesAt, length: typesLength },
    strings: { offset: start + stringsAt, length: stringsLength },
  }
}

const fixtures = new URL('../fixtures/', import.meta.url)

/** Every compiled fixture: its name and its bytes. */
export function objects(): { name: string; path: string; bytes: Uint8Array }[] {
  return readdirSync(fixtures)
    .filter(name => name.endsWith('.o'))
    .map(name => ({
      name,
      path: new URL(name, fixtures).pathname,
      bytes: new Uint8Array(readFileSync(new URL(name, fixtures))),
    }))
}

/** Numbers 0 <= n < limit that look random and are the same in every run (mulberry32). */
export function numbers(seed: number): (limit: number) => number {
  return limit => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
