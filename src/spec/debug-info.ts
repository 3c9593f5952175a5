import { type BtfExt, functionRow, lineRow } from '../btf/ext.ts'
import type { TypeId } from '../btf/index.ts'
import { instructionSize } from './instructions.ts'
import type { FunctionSpec, Spec } from './types.ts'

/** Where a function stands in an assembled program. */
export interface Placement {
  readonly fn: FunctionSpec
  /** First instruction. */
  readonly at: number
}

/** The tables that tell the kernel which function and which source line an instruction belongs to. */
export interface DebugInfo {
  /** Rows of bpf_func_info, 8 bytes each; empty without BTF. */
  readonly functionInfo: Uint8Array
  /** Rows of bpf_line_info, 16 bytes each; empty without BTF. */
  readonly lineInfo: Uint8Array
}

/**
 * Carries the records of `.BTF.ext` along with the functions. The kernel takes a table only if it has a record at the
 * start of every function (kernel/bpf/verifier.c: check_btf_func, check_btf_line), so a table with a gap is left out
 * as a whole.
 */
export function debugInfo(spec: Spec, placements: readonly Placement[]): DebugInfo {
  const { ext, elf } = spec
  const collect = (tables: BtfExt['functions'], row: number): Uint8Array => {
    const rows: number[] = []
    for (const { fn, at } of placements) {
      const table = tables.get(elf.sections[fn.section]!.name)
      if (!table || !appendRows(rows, table, row, fn, at)) return new Uint8Array(0)
    }
    return new Uint8Array(Uint32Array.from(rows).buffer)
  }
  if (!ext) return { functionInfo: new Uint8Array(0), lineInfo: new Uint8Array(0) }
  return { functionInfo: collect(ext.functions, functionRow), lineInfo: collect(ext.lines, lineRow) }
}

/** Rows of functions with other types in the place of some (the second word of each is the type). */
export function withFunctionTypes(rows: Uint8Array, types: ReadonlyMap<TypeId, TypeId>): Uint8Array {
  if (types.size === 0) return rows
  const words = new Uint32Array(rows.slice().buffer)
  for (let i = 1; i < words.length; i += functionRow) words[i] = types.get(words[i]!) ?? words[i]!
  return new Uint8Array(words.buffer)
}

/** Appends the rows of one function, moved to where it stands; `false` if none is for its first instruction. */
function appendRows(rows: number[], table: Uint32Array, row: number, fn: FunctionSpec, at: number): boolean {
  const start = fn.start * instructionSize
  const end = start + fn.length * instructionSize
  const first = firstRowFrom(table, row, start)
  if (table[first] !== start) return false
  for (let i = first; i < table.length && table[i]! < end; i += row) {
    rows.push((table[i]! - start) / instructionSize + at)
    for (let word = 1; word < row; word++) rows.push(table[i + word]!)
  }
  return true
}

/** Compilers write the rows of a section in rising order. */
function firstRowFrom(table: Uint32Array, row: number, offset: number): number {
  let low = 0
  let high = table.length / row
  while (low < high) {
    const middle = (low + high) >>> 1
    if (table[middle * row]! < offset) low = middle + 1
    else high = middle
  }
  return low * row
}
