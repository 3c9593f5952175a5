import { ElfError } from '../errors.ts'

/**
 * The longest name that is read. The kernel's own limit is 512 bytes (KSYM_NAME_LEN); without one a small file could
 * give every one of its symbols the same endless name.
 */
const longestName = 4096

// ignoreBOM: a name that starts with U+FEFF keeps it
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The NUL-terminated string that starts at `offset` of `table`; errors say `where`. */
export function stringAt(table: Uint8Array, offset: number, where: string): string {
  if (offset >= table.length)
    throw new ElfError(where, `is ${offset}; the string table has ${table.length} bytes`)
  const end = table.indexOf(0, offset)
  if (end === -1) throw new ElfError(where, `the string at byte ${offset} has no end`)
  if (end - offset > longestName) {
    throw new ElfError(
      where,
      `the name at byte ${offset} is ${end - offset} bytes long; the limit is ${longestName}`,
    )
  }
  return decode(table.subarray(offset, end), where)
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new ElfError(where, 'the name is not UTF-8')
  }
}
