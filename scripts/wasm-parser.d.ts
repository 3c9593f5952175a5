declare module '@webassemblyjs/wasm-parser' {
  interface DecodeOptions {
    readonly ignoreCodeSection?: boolean
    readonly ignoreDataSection?: boolean
    readonly ignoreCustomNameSection?: boolean
  }
  /** The tree that the package calls AST; it has no types of its own. */
  export function decode(bytes: Uint8Array, options: DecodeOptions): unknown
}
