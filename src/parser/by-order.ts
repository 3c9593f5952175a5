/** Parsers of a header in either byte order, each made when the first such header is read: making one generates code. */
export function perByteOrder<P>(declare: (order: 'little' | 'big') => P): (littleEndian: boolean) => P {
  let little: P | undefined
  let big: P | undefined
  return littleEndian => (littleEndian ? (little ??= declare('little')) : (big ??= declare('big')))
}
