import { segments } from './segments.ts'
import { dropSymbolHash, restoreSymbolHash } from './symbol-hash.ts'
import { addSymbols, subtractSymbols } from './symbol-table.ts'
import type { Arch } from './targets.ts'
import { keepWords, type Part, wordsOf } from './words.ts'

/**
 * Makes of a library what compresses better by a third, in place: calls refer to where they go, not how far, so that
 * equal calls are equal bytes; of the tables of symbols and of frames (for exceptions) differences are left; and nothing of
 * the hash table of the symbols, which follows from their names. {@link unfilter} takes it back,
 * to the byte.
 *
 * @param file an ELF file of 64 bits, little-endian
 */
export function filter(file: Uint8Array, arch: Arch): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  dropSymbolHash(file, view)
  subtractSymbols(file, view)
  convertCalls(file, view, arch, 1)
  for (const table of frameTables(view)) {
    const words = wordsOf(file, table)
    // two columns: where a function is and where its frame is described
    for (let i = words.length - 1; i >= 2; i--) words[i]! -= words[i - 2]!
    keepWords(file, table, words)
  }
}

/** The file that {@link filter} was given. */
export function unfilter(file: Uint8Array, arch: Arch): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  for (const table of frameTables(view)) {
    const words = wordsOf(file, table)
    for (let i = 2; i < words.length; i++) words[i]! += words[i - 2]!
    keepWords(file, table, words)
  }
  convertCalls(file, view, arch, -1)
  addSymbols(file, view)
  restoreSymbolHash(file, view)
}

function convertCalls(file: Uint8Array, view: DataView, arch: Arch, sign: number): void {
  for (const [from, to] of segments(view, (type, flags) => type === PT_LOAD && (flags & PF_X) !== 0)) {
    if (arch === 'x64') convertX64(file, view, from, to, sign)
    else convertArm64(view, from, to, sign)
  }
}

/** E8 call, E9 jmp: a distance of 32 bits follows. What only looks like one is converted and restored all the same. */
function convertX64(file: Uint8Array, view: DataView, from: number, to: number, sign: number): void {
  for (let at = from; at + 5 <= to; at++) {
    if ((file[at]! & 0xfe) !== 0xe8) continue
    view.setInt32(at + 1, view.getInt32(at + 1, true) + sign * at, true)
    at += 4
  }
}

/** BL: a distance of 26 bits, in instructions. */
function convertArm64(view: DataView, from: number, to: number, sign: number): void {
  for (let at = from; at + 4 <= to; at += 4) {
    const instruction = view.getUint32(at, true)
    if (instruction >>> 26 !== 0x25) continue
    view.setUint32(at, (0x25 << 26) | ((instruction + sign * (at >>> 2)) & 0x3ff_ffff), true)
  }
}

const PT_LOAD = 1
const PT_GNU_EH_FRAME = 0x6474_e550
const PF_X = 1

/** The tables in `.eh_frame_hdr`, as far as they are of the kind that linkers write (Linux Standard Base, 10.6.2). */
function frameTables(view: DataView): Part[] {
  const usual = 0x3b_03_1b_01 // version 1; a pointer and offsets of 32 bits, a count of 32 bits
  return segments(view, type => type === PT_GNU_EH_FRAME)
    .filter(([from, to]) => to - from >= 12 && view.getUint32(from, true) === usual)
    .map(([from, to]) => {
      const count = Math.min(view.getUint32(from + 8, true), Math.floor((to - from - 12) / 8))
      return [from + 12, from + 12 + 8 * count]
    })
}
