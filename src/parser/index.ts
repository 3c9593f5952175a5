import { CoreScanner } from './core.ts'
import type { Scanner } from './scanner.ts'
import { TwinScanner } from './twin.ts'

export {
  readBtfExtHeader,
  readBtfExtRelocations,
  readBtfHeader,
  readElfHeader,
  readElfSection,
} from './headers.generated.ts'
export type {
  ByteRange,
  FaultName,
  RelocationTable,
  ScanFault,
  Scanner,
  SymbolTable,
  TypeTable,
} from './scanner.ts'
export { StringTable } from './strings.ts'

export interface ScannerOptions {
  /**
   * Which implementation scans. By default the WebAssembly core for documents of 256 KiB or more, where it is faster by
   * more than an instance of it costs; and the twin where WebAssembly is switched off (as by `node --jitless`), where
   * there is no address space left for another instance, or where the document is larger than the core's memory; with
   * `'wasm'` those are errors.
   */
  readonly core?: 'wasm' | 'twin'
  /** The bytes are the scanner's from now on, and need not be copied. */
  readonly isOwn?: boolean
  /** The document is a blob of types and will be scanned for these once, for which less memory is taken. */
  readonly hasOnlyTypes?: boolean
}

/** A scanner over the bytes: a copy of them, unless they are its own. */
export function createScanner(bytes: Uint8Array, options: ScannerOptions = {}): Scanner {
  const { core, isOwn } = options
  if (isOwn && (core === 'twin' || (core === undefined && bytes.length < worthwhileToCopy))) {
    // not what a Buffer's own methods make, which takes longer
    return new TwinScanner(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }
  return createScannerFrom(bytes.length, memory => memory.set(bytes), options)
}

/**
 * A scanner over a document of `length` bytes that `fill` writes where it will stay: it is never copied again.
 *
 * @param fill - Is told whether the memory is whole pages, in the place of which something else may be mapped.
 */
export function createScannerFrom(
  length: number,
  fill: (memory: Uint8Array, isPages: boolean) => void,
  options: ScannerOptions = {},
): Scanner {
  const scanner = emptyScanner(length, options)
  fill(scanner.bytes, options.hasOnlyTypes === true && scanner instanceof CoreScanner)
  return scanner
}

/** Bytes from which on the core is worth its instance: 0.1 ms, and more garbage to collect. */
const worthwhile = 256 * 1024

/** As above, where the bytes can stay where they are, and little of them is scanned: most of a file is debug information. */
const worthwhileToCopy = 4 * 1024 * 1024

function emptyScanner(length: number, { core, hasOnlyTypes }: ScannerOptions): Scanner {
  if (core === 'twin' || (core === undefined && length < worthwhile))
    return new TwinScanner(new Uint8Array(length))
  try {
    return new CoreScanner(length, hasOnlyTypes)
  } catch (error) {
    if (core === 'wasm') throw error
    return new TwinScanner(new Uint8Array(length))
  }
}
