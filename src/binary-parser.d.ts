// binary-parser ships types, but its package.json does not lead a nodenext compiler to them, and its parse() returns
// any. What is used here, with the result built up field by field.
declare module 'binary-parser' {
  export class Parser<T = object> {
    endianness(order: 'little' | 'big'): this
    uint8<N extends string>(name: N): Parser<T & Record<N, number>>
    uint16<N extends string>(name: N): Parser<T & Record<N, number>>
    uint32<N extends string>(name: N): Parser<T & Record<N, number>>
    uint64<N extends string>(name: N): Parser<T & Record<N, bigint>>
    /** Records until the bytes end. */
    array<N extends string, I>(
      name: N,
      items: { readonly type: Parser<I>; readonly readUntil: 'eof' },
    ): Parser<T & Record<N, I[]>>
    /** Skips so many bytes. */
    seek(length: number): this
    parse(bytes: Uint8Array): T
  }
}
