import type { Parser } from 'binary-parser'

/** Parsers of a header in either byte order, each made when the first such header is read: making one generates code. */
export function perByteOrder<T>(
  declare: (order: 'little' | 'big') => Parser<T>,
): (littleEndian: boolean) => Parser<T> {
  let little: Parser<T> | undefined
  let big: Parser<T> | undefined
  return littleEndian => (littleEndian ? (little ??= declare('little')) : (big ??= declare('big')))
}
