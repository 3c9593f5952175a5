import { symbolsOf } from './symbol-hash.ts'
import { keepWords, wordsOf } from './words.ts'

/** A symbol (Elf64_Sym) in words of 32 bits, and which of them are the offset of its name and the low half of its address. */
const words = 6
const NAME = 0
const VALUE = 2

/**
 * Leaves differences in the table of a library's symbols: of names in the order of the table, which is that of the hash table,
 * and of addresses in the order of the names, in which the functions lie, so that these are nearly all the same.
 */
export function subtractSymbols(file: Uint8Array, view: DataView): void {
  const table = symbolsOf(view)
  if (!table) return
  const symbols = wordsOf(file, table)
  const order = inOrderOfNames(symbols)
  for (let i = order.length - 1; i > 0; i--) {
    symbols[order[i]! + VALUE]! -= symbols[order[i - 1]! + VALUE]!
  }
  for (let at = symbols.length - words; at > 0; at -= words) symbols[at]! -= symbols[at - words]!
  keepWords(file, table, symbols)
}

/** The table that {@link subtractSymbols} was given. */
export function addSymbols(file: Uint8Array, view: DataView): void {
  const table = symbolsOf(view)
  if (!table) return
  const symbols = wordsOf(file, table)
  for (let at = words; at < symbols.length; at += words) symbols[at]! += symbols[at - words]!
  let value = 0
  for (const at of inOrderOfNames(symbols)) {
    value = (value + symbols[at + VALUE]!) | 0
    symbols[at + VALUE] = value
  }
  keepWords(file, table, symbols)
}

/** Where each symbol begins. Equal names stay as they stand: what is sorted is the name and the place in one number. */
function inOrderOfNames(symbols: Int32Array): Float64Array {
  const { length } = symbols
  const both = new Float64Array(length / words)
  for (let i = 0, at = 0; at < length; i++, at += words) both[i] = (symbols[at + NAME]! >>> 0) * length + at
  both.sort()
  for (let i = 0; i < both.length; i++) both[i]! %= length
  return both
}
