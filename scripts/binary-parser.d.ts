// binary-parser ships types, but its package.json does not lead a nodenext compiler to them. What is used here.
declare module 'binary-parser' {
  export class Parser {
    endianness(order: 'little' | 'big'): this
    uint8(name: string): this
    uint16(name: string): this
    uint32(name: string): this
    uint64(name: string): this
    /** Skips so many bytes. */
    seek(length: number): this
    /** The code that parse() would run. */
    getCode(): string
  }
}
