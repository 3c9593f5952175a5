// Writes the files of test/fixtures/malformed: for each guard one, made by hand (by-hand.ts), or found by changing every
// number of small sound files to every value that matters. Files that are there stay as they are:
//   node --import ./test/ts-hook.mjs --enable-source-maps test/fuzz/make-malformed.ts
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { byHand, everyKind, twoRelocated, withExt } from './by-hand.ts'
import type { Sound } from './damage.ts'
import type { Field } from './fields.ts'
import { type Guard, guardsIn, rooms } from './guards.ts'
import { directory, guardsBehind, hitsOf, malformedFiles, refusalsOf } from './malformed.ts'
import { btfSound, elfSound, objectSound } from './sounds.ts'

Error.stackTraceLimit = 50
const guards = guardsIn(rooms)
mkdirSync(directory, { recursive: true })
writeFileSync(`${directory}base.btf`, everyKind())
for (const [name, make] of Object.entries(byHand)) writeFileSync(directory + name, make())
const missing = new Set(guards)
for (const name of malformedFiles()) for (const guard of hitsOf(name, guards)) missing.delete(guard)

/** Stacks are slow to read: the first of those that say the same are enough. */
const looked = new Map<string, number>()
const enough = 12

function consider(extension: string, bytes: Uint8Array): void {
  for (const error of refusalsOf(`a.${extension}`, bytes)) {
    const what = error.message.replace(/\d+/g, '#')
    const times = looked.get(what) ?? 0
    looked.set(what, times + 1)
    if (times > enough) continue
    for (const guard of guardsBehind(error, guards)) {
      if (missing.delete(guard)) writeFileSync(freeName(guard, error.message, extension), bytes)
    }
  }
}

function freeName({ place }: Guard, message: string, extension: string): string {
  const problem = message.slice(message.indexOf(': ') + 2)
  const words = problem.replaceAll(/\d+/g, 'n').replaceAll(/[^A-Za-z_]+/g, '-')
  const file = place
    .split('/')
    .at(-1)!
    .replace(/\.ts:\d+$/, '')
  const name = `${file}-${words
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase()}`
  for (let n = 1; ; n++) {
    const path = `${directory}${name}${n === 1 ? '' : `-${n}`}.${extension}`
    if (!existsSync(path)) return path
  }
}

const values: readonly bigint[] = [
  ...[
    0n,
    1n,
    2n,
    3n,
    4n,
    5n,
    6n,
    7n,
    8n,
    9n,
    12n,
    16n,
    17n,
    18n,
    32n,
    64n,
    100n,
    129n,
    200n,
    0x800n,
    0x8000n,
  ],
  ...[0xff00n, 0xfff1n, 0xffffn, 0x8000000n, 0x8000020n, 0x7fffffffn, 0xfffffff0n, 0xffffffffn],
  ...[0x20000000000000n, 0xffffffffffffffffn],
]
const headers = 130

/** Every beginning of it, and each of its numbers as every value, or as another number of its kind. */
function sweep(extension: string, { bytes, parts }: Sound): void {
  for (let length = 0; length < Math.min(bytes.length, headers); length++) {
    consider(extension, bytes.slice(0, length))
  }
  for (const part of parts) {
    for (const field of part) {
      const alike = part.filter(({ role, size }) => role === field.role && size === field.size).slice(0, 40)
      const others = alike.map(other => read(bytes, other))
      for (const value of new Set([...values, ...others])) consider(extension, changed(bytes, field, value))
    }
  }
}

function read(bytes: Uint8Array, { at, size, littleEndian }: Field): bigint {
  const part = Array.from(bytes.subarray(at, at + size))
  if (littleEndian) part.reverse()
  return part.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function changed(bytes: Uint8Array, { at, size, littleEndian }: Field, value: bigint): Uint8Array {
  const copy = bytes.slice()
  for (let i = 0; i < size; i++) {
    copy[at + (littleEndian ? i : size - 1 - i)] = Number((value >> BigInt(8 * i)) & 0xffn)
  }
  return copy
}

const kinds = everyKind()
sweep('btf', btfSound('every kind', kinds))
// the first string
consider('btf', kinds.with(24 + new DataView(kinds.buffer).getUint32(12, true), 1))
sweep('elf', objectSound('elf-no-debug'))
sweep('elf', elfSound('two relocated', twoRelocated()))
sweep('elf', elfSound('with .BTF.ext', withExt()))
for (const { place, line } of missing) console.log(`${place}: ${line}`)
console.log(`${malformedFiles().length} files, ${missing.size} of ${guards.length} guards without one`)
