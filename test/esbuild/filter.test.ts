import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filter, unfilter } from '../../src/esbuild/filter.ts'
import { nativePart } from '../../src/esbuild/native-part.ts'
import type { Arch } from '../../src/esbuild/targets.ts'

const koromix = fileURLToPath(new URL('../../node_modules/@koromix', import.meta.url))

/** Every native part that is installed, with its processor. */
function* addons(): Iterable<[string, Arch]> {
  for (const name of readdirSync(koromix)) {
    const arch = /^koffi-linux-(x64|arm64)$/.exec(name)?.[1]
    if (arch === undefined) continue
    for (const libc of ['linux', 'musl']) {
      const path = join(koromix, name, `${libc}_${arch}`, 'koffi.node')
      // the expression lets no other through
      if (existsSync(path)) yield [path, arch as Arch]
    }
  }
}

test('what is converted and restored is what it was, for either processor', () => {
  let count = 0
  for (const [path, arch] of addons()) {
    const [original, file] = [readFileSync(path), readFileSync(path)]
    for (const way of new Set<Arch>([arch, 'x64', 'arm64'])) {
      filter(file, way)
      assert.not.ok(file.equals(original))
      unfilter(file, way)
      assert.ok(file.equals(original), path)
      count++
    }
  }
  assert.ok(count >= 2)
})

test('whatever is in such segments comes back', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
  // full of what looks like calls
  const calls = fc.array(fc.constantFrom(0xe8, 0xe9, 0x94, 0x97, 0xff, 0), { minLength: 1, maxLength: 99 })
  fc.assert(
    fc.property(
      fc.oneof(bytes, calls),
      fc.constantFrom<Arch>('x64', 'arm64'),
      fc.boolean(),
      (code, arch, isTable) => {
        const header = [1, 0x1b, 3, 0x3b, 0, 0, 0, 0, code.length % 9, 0, 0, 0]
        const original = isTable
          ? elfOf(Uint8Array.from([...header, ...code]), 0x6474e550)
          : elfOf(Uint8Array.from(code))
        const file = original.slice()
        filter(file, arch)
        unfilter(file, arch)
        assert.equal(file, original)
      },
    ),
  )
})

test('a call is written with where it goes', () => {
  // at 0x78: nop; call +2, which is from 0x7e to 0x80
  const x64 = elfOf(Uint8Array.of(0x90, 0xe8, 2, 0, 0, 0, 0x90, 0x90))
  filter(x64, 'x64')
  assert.equal([...x64.subarray(0x78)], [0x90, 0xe8, 2 + 0x79, 0, 0, 0, 0x90, 0x90])
  // at 0x78: nop; bl -1 instruction, which is 0x78, the instruction 0x1e
  const arm64 = elfOf(Uint8Array.of(0x1f, 0x20, 0x03, 0xd5, 0xff, 0xff, 0xff, 0x97))
  filter(arm64, 'arm64')
  assert.equal([...arm64.subarray(0x7c)], [0x1e, 0, 0, 0x94])
})

test('of the table of frames differences are left', () => {
  const table = Uint32Array.of(0x3b_03_1b_01, 0, 3, 100, 7, 250, 9, 260, 50)
  const file = elfOf(new Uint8Array(table.buffer), 0x6474e550)
  filter(file, 'x64')
  assert.equal([...new Uint32Array(file.slice(0x78).buffer)].slice(3), [100, 7, 150, 2, 10, 41])
})

test('of the table of symbols differences are left: of names as they stand, of addresses in the order of names', () => {
  const symbols = [
    [0, 0],
    [20, 0x1020],
    [4, 0x1000],
    [36, 0x1030],
  ] as const
  const file = libraryOf(symbols)
  const original = file.slice()
  filter(file, 'x64')
  const view = new DataView(file.buffer)
  const left = symbols.map((_, i) => [24 * i, 24 * i + 8].map(at => view.getInt32(symbolsAt + at, true)))
  assert.equal(left, [
    [0, 0],
    [20, 0x20], // after 4, which is at 0x1000
    [4 - 20, 0x1000],
    [36 - 4, 0x10],
  ])
  unfilter(file, 'x64')
  assert.equal(file, original)
})

test('a bundle carries what npm installed, byte for byte', async () => {
  const user = fileURLToPath(new URL('../../src/syscall/koffi.ts', import.meta.url))
  const arch = process.arch as Arch // those who develop have one of the two
  const { compressed } = await nativePart({ arch, libc: 'glibc' }, user)
  const file = brotliDecompressSync(compressed)
  unfilter(file, arch)
  const installed = readFileSync(join(koromix, `koffi-linux-${arch}/linux_${arch}/koffi.node`))
  assert.ok(file.equals(installed))
})

const symbolsAt = 64 + 2 * 56 + 4 * 16

/** The smallest file with a table of symbols (names and addresses are given) whose hash table has none of them in it. */
function libraryOf(symbols: readonly (readonly [name: number, value: number])[]): Uint8Array {
  const strings = symbolsAt + 24 * symbols.length
  const hash = strings + 8
  const length = hash + 16 + 8 + 4
  const file = new Uint8Array(length)
  const view = new DataView(file.buffer)
  const wordsAt = (at: number, ...words: bigint[]): void => {
    for (const [i, word] of words.entries()) view.setBigUint64(at + 8 * i, word, true)
  }
  wordsAt(32, 64n) // e_phoff
  view.setUint16(54, 56, true) // e_phentsize
  view.setUint16(56, 2, true) // e_phnum
  // PT_LOAD, PF_R, all of it; PT_DYNAMIC, PF_R, what stands between the headers and the symbols
  wordsAt(64, 0x4_0000_0001n, 0n, 0n, 0n, BigInt(length))
  wordsAt(64 + 56, 0x4_0000_0002n, BigInt(64 + 2 * 56), 0n, 0n, 64n)
  // DT_STRTAB, DT_SYMTAB, DT_GNU_HASH
  wordsAt(64 + 2 * 56, 5n, BigInt(strings), 6n, BigInt(symbolsAt), 0x6fff_fef5n, BigInt(hash))
  for (const [i, word] of [1, symbols.length, 1, 6].entries()) view.setUint32(hash + 4 * i, word, true)
  for (const [i, [name, value]] of symbols.entries()) {
    view.setUint32(symbolsAt + 24 * i, name, true)
    wordsAt(symbolsAt + 24 * i + 8, BigInt(value))
  }
  return file
}

/** The smallest file with a segment, executable, that has this in it. */
function elfOf(code: Uint8Array, type = 1): Uint8Array {
  const file = new Uint8Array(64 + 56 + code.length)
  const view = new DataView(file.buffer)
  view.setBigUint64(32, 64n, true) // e_phoff
  view.setUint16(54, 56, true) // e_phentsize
  view.setUint16(56, 1, true) // e_phnum
  view.setUint32(64, type, true) // PT_LOAD
  view.setUint32(68, 5, true) // PF_R | PF_X
  view.setBigUint64(72, 0x78n, true) // p_offset
  view.setBigUint64(96, BigInt(code.length), true) // p_filesz
  file.set(code, 0x78)
  return file
}

test.run()
