import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Btf,
  BtfWriter,
  createCodec,
  fieldsOf,
  holesOf,
  parseBtfExt,
  readBtf,
  subsetOf,
  type TypeId,
  typeName,
} from '../../src/btf/index.ts'
import { BtfError } from '../../src/errors.ts'
import { createScanner } from '../../src/parser/index.ts'
import { openFixture } from './objects.ts'

/** Numbers from 0 to 2^32 - 1 that are the same in every run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

const extremes = [0, 1, 2, 7, 12, 0x7f, 0xffff, 0xffffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff]

/** A copy with a few bits, bytes or words changed, exchanged or cut off. */
function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = new Uint8Array(bytes)
  const view = new DataView(copy.buffer)
  const wordAt = (): number => 4 * (random() % Math.floor(copy.length / 4))
  for (let times = 1 + (random() % 4); times > 0; times--) {
    switch (random() % 6) {
      case 0:
        copy[random() % copy.length]! ^= 1 << (random() % 8)
        break
      case 1:
        copy[random() % copy.length] = random()
        break
      case 2:
        view.setUint32(wordAt(), extremes[random() % extremes.length]!, true)
        break
      case 3:
        // about what an id, a length or an offset may be
        view.setUint32(wordAt(), random() % 200, true)
        break
      case 4:
        view.setUint32(wordAt(), view.getUint32(wordAt(), true), true)
        break
      default:
        if (random() % 8 === 0) return copy.subarray(0, random() % copy.length)
    }
  }
  return copy
}

/** Mostly without WebAssembly, whose instances cost more than these small blobs; that both scan alike is tested there. */
function readFast(bytes: Uint8Array, turn: number): Btf {
  const scanner = createScanner(bytes, { core: turn % 20 === 0 ? 'wasm' : 'twin' })
  return readBtf(scanner, { offset: 0, length: bytes.length })
}

/** Runs what may refuse; anything but a BtfError goes up. */
function attempt<T>(action: () => T, refused: string[]): T | undefined {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof BtfError)) throw error
    assert.match(error.message, /^\.BTF/)
    refused.push(error.message)
    return undefined
  }
}

/** Asks everything that can be asked about a type. */
function askAbout(btf: Btf, id: TypeId, refused: string[]): void {
  const size = attempt(() => btf.sizeOf(id), refused)
  attempt(() => btf.alignOf(id), refused)
  attempt(() => btf.resolve(id), refused)
  attempt(() => typeName(btf, id), refused)
  const fields = attempt(() => fieldsOf(btf, id), refused)
  if (fields && size !== undefined) holesOf(fields, size)
  const codec = attempt(() => createCodec(btf, id), refused)
  if (codec && codec.size < 4096) {
    const value = codec.decode(new Uint8Array(codec.size))
    codec.encode(value, new Uint8Array(codec.size))
  }
}

const sources = ['btf-shapes.bpf.o', 'btf-shapes-eb.bpf.o', 'counter.bpf.o', 'btf-core.bpf.o'].map(
  openFixture,
)

test('10,000 damaged blobs are read or refused as BTF, and at once', () => {
  const random = randomFrom(1)
  const refused: string[] = []
  let read = 0
  let slowest = 0
  for (let i = 0; i < 10_000; i++) {
    const source = sources[i % sources.length]!
    const bytes = damaged(source.btf.bytes, random)
    const before = performance.now()
    const btf = attempt(() => readFast(bytes, i), refused)
    if (btf) {
      attempt(() => btf.check(), refused)
      for (let asked = 0; asked < 4; asked++) askAbout(btf, random() % (btf.count + 1), refused)
      if (i % 10 === 0) attempt(() => subsetOf(btf, btf.ids()), refused)
      read++
    }
    slowest = Math.max(slowest, performance.now() - before)
  }
  assert.ok(read > 2000, `${read} were read`)
  assert.ok(refused.length > 5000, `${refused.length} questions were refused`)
  assert.ok(slowest < 20_000, `one took ${slowest} ms`)
})

test('10,000 damaged .BTF.ext are read or refused as BTF', () => {
  const random = randomFrom(2)
  const refused: string[] = []
  let read = 0
  for (let i = 0; i < 10_000; i++) {
    const source = sources[2 + (i % 2)]!
    const bytes = damaged(source.elf.section('.BTF.ext')!.data, random)
    if (attempt(() => parseBtfExt(bytes, source.btf), refused)) read++
  }
  assert.ok(read > 100 && refused.length > 1000, `${read} were read, ${refused.length} refused`)
})

test('1,000 blobs of random types, each by itself well-formed, are read or refused at once', () => {
  const random = randomFrom(3)
  const refused: string[] = []
  for (let i = 0; i < 1000; i++) {
    const btf = attempt(() => readFast(randomTypes(random), i), refused)
    if (!btf) continue
    attempt(() => btf.check(), refused)
    for (let id = 1; id <= btf.count; id++) askAbout(btf, id, refused)
  }
  assert.ok(refused.length > 1000)
})

/** Types that refer to each other at random: many circles, and sizes that explode. */
function randomTypes(random: () => number): Uint8Array {
  const writer = new BtfWriter()
  const count = 20
  const any = (): TypeId => 1 + (random() % count)
  writer.add({
    kind: 'int',
    name: 'int',
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
  for (let id = 2; id <= count; id++) {
    const members = Array.from({ length: random() % 4 }, (_, i) => {
      const name = random() % 2 === 0 ? '' : `m${i}`
      return {
        name,
        type: any(),
        bitOffset: 8 * (random() % 16),
        bitSize: random() % 8 === 0 ? random() % 40 : 0,
      }
    })
    switch (random() % 8) {
      case 0:
        writer.add({ kind: 'ptr', name: '', type: any() })
        break
      case 1:
        writer.add({ kind: 'typedef', name: 't', type: any() })
        break
      case 2:
        writer.add({ kind: 'const', name: '', type: any() })
        break
      case 3:
        writer.add({ kind: 'array', name: '', elementType: any(), indexType: 1, length: random() % 1000 })
        break
      case 4:
        writer.add({ kind: 'func_proto', name: '', returnType: any(), params: [{ name: 'p', type: any() }] })
        break
      case 5:
        writer.add({ kind: 'union', name: `u${id}`, size: random() % 64, members })
        break
      default:
        writer.add({ kind: 'struct', name: `s${id}`, size: random() % 64, members })
    }
  }
  return writer.finish()
}

test.run()
