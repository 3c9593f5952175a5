import type { ElfFile, ElfRelocation } from '../elf/index.ts'
import { viewOf } from '../parser/view.ts'

/** Bytes of a pointer in an object. */
export const pointerSize = 8

/**
 * What lies where a pointer is to be: what is static is addressed by its section's symbol and the distance from there
 * (Documentation/bpf/llvm_reloc.rst).
 */
export function addendOf(elf: ElfFile, { offset }: ElfRelocation, section: number): number {
  const data = elf.sections[section]?.data ?? new Uint8Array(0)
  if (offset + pointerSize > data.length) return 0
  const view = viewOf(data)
  return Number(view.getBigUint64(offset, elf.littleEndian))
}
