export { ElfError } from '../errors.ts'
export { parseElf } from './parse.ts'
export type {
  ElfFile,
  ElfRelocation,
  ElfSection,
  ElfSymbol,
  SymbolBinding,
  SymbolKind,
  SymbolPlace,
  SymbolVisibility,
} from './types.ts'
