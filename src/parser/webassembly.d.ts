// The part of WebAssembly that src/parser uses: TypeScript declares it only with the DOM, which this project leaves out.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: unknown
  }
}
