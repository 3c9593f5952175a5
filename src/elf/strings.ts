import { ElfError } from '../errors.ts'
import type { StringTable } from '../parser/index.ts'

/**
 * The longest name that is read. The kernel's own limit is 512 bytes (KSYM_NAME_LEN); without one a small file could
 * give every one of its symbols the same endless name.
 */
const longestName = 4096

// ignoreBOM: a name that starts with U+FEFF keeps it
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The name that starts at `offset` of a string table that ends with a NUL; errors say `where`. */
export function nameAt(table: StringTable, offset: number, where: () => string): string {
  const known = offset < table.bytes.length ? table.asciiAt(offset) : undefined
  if (known !== undefined && known.length <= longestName) return known
  const name = stringAt(table.bytes, offset, where)
  if (table.mayCopy(name.length)) return name
  throw new ElfError(
    where(),
    `with those before it has more text than ${table.bytes.length} bytes of names hold`,
  )
}

/** The NUL-terminated string that starts at `offset` of a section's bytes; errors say `where`. */
export function stringAt(bytes: Uint8Array, offset: number, where: () => string): string {
  if (offset >= bytes.length)
    throw new ElfError(where(), `is ${offset}; the string table has ${bytes.length} bytes`)
  const end = bytes.indexOf(0, offset)
  if (end === -1) throw new ElfError(where(), `the string at byte ${offset} has no end`)
  if (end - offset > longestName) {
    throw new ElfError(
      where(),
      `the name at byte ${offset} is ${end - offset} bytes long; the limit is ${longestName}`,
    )
  }
  try {
    return decoder.decode(bytes.subarray(offset, end))
  } catch {
    throw new ElfError(where(), 'the name is not UTF-8')
  }
}
