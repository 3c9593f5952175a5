import type { ByteRange, ScanFault } from './scanner.ts'

/** What is wrong with the place of a table, or of the strings that name its records, before any record is read. */
export function boundsFault(
  document: Uint8Array,
  table: ByteRange,
  strings?: ByteRange,
): ScanFault | undefined {
  if (!holds(document, table)) return { fault: 'truncated', offset: table.offset, index: 0 }
  if (strings === undefined) return undefined
  if (!holds(document, strings)) return { fault: 'truncated', offset: strings.offset, index: 0 }
  const end = strings.offset + strings.length
  if (strings.length > 0 && document[end - 1] === 0) return undefined
  return { fault: 'unterminated', offset: strings.offset, index: 0 }
}

function holds(document: Uint8Array, { offset, length }: ByteRange): boolean {
  return offset >= 0 && length >= 0 && offset + length <= document.length
}
