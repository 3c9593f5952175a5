import type { Scanner } from './scanner.ts'
import { TwinScanner } from './twin.ts'

export type {
  ByteRange,
  FaultName,
  RelocationTable,
  ScanFault,
  Scanner,
  SymbolTable,
  TypeTable,
} from './scanner.ts'

/** Which implementation scans: the WebAssembly core, or its twin in TypeScript. */
export type CoreName = 'wasm' | 'twin'

export interface ScannerOptions {
  readonly core?: CoreName
}

/** A scanner over a copy of the bytes. */
export function createScanner(bytes: Uint8Array, options: ScannerOptions = {}): Scanner {
  return createScannerFrom(bytes.length, memory => memory.set(bytes), options)
}

/** A scanner over a document of `length` bytes that `fill` writes where it will stay: it is never copied again. */
export function createScannerFrom(
  length: number,
  fill: (memory: Uint8Array) => void,
  _options: ScannerOptions = {},
): Scanner {
  const memory = new Uint8Array(length)
  fill(memory)
  return new TwinScanner(memory)
}
