import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { BinaryFile } from './binary-file.ts'
import { type BinaryFunction, functionsOf, type SymbolTable } from './binary-functions.ts'
import { isPattern, matchesPattern } from './glob.ts'

const tables: readonly SymbolTable[] = ['exported', 'all']

/**
 * Where a function of a binary starts in the file, in bytes: what the kernel wants to know.
 *
 * @param symbol its name, or `name@VERSION`
 * @throws ElfError for what is no binary; BpfError `ERR_NO_TARGET` where there is no such function, or more than one.
 */
export function functionOffset(path: string, symbol: string, doing: string): number {
  using file = new BinaryFile(path, doing)
  return offsetOfFunction(file, symbol, doing)
}

/** Where all functions start that are named or match a pattern; each place once. Throws as {@link functionOffset}. */
export function functionOffsets(path: string, symbols: readonly string[], doing: string): number[] {
  using file = new BinaryFile(path, doing)
  const offsets = symbols.flatMap(symbol =>
    isPattern(symbol) ? matchingOffsets(file, symbol, doing) : [offsetOfFunction(file, symbol, doing)],
  )
  return [...new Set(offsets)]
}

function matchingOffsets(file: BinaryFile, pattern: string, doing: string): number[] {
  const offsets: number[] = []
  for (const table of tables) {
    for (const { address, isIndirect } of functionsOf(file, table, name => matchesPattern(name, pattern))) {
      const offset = isIndirect ? undefined : file.offsetOf(address)
      if (offset !== undefined) offsets.push(offset)
    }
  }
  if (offsets.length > 0) return offsets
  throw noTarget(`${doing}: no function of ${file.path} matches '${pattern}'`)
}

function offsetOfFunction(file: BinaryFile, symbol: string, doing: string): number {
  const [, name = symbol, version] = /^([^@]+)@@?(.+)$/.exec(symbol) ?? []
  const all = named(file, name)
  const candidates = preferred(version === undefined ? all : all.filter(one => one.version === version))
  const [first] = candidates
  if (!first) throw notFound(file, { name, version, all }, doing)
  if (first.isIndirect) {
    throw noTarget(
      `${doing}: '${symbol}' is chosen among several functions when the program starts (an IFUNC)`,
      'attach to the function that is chosen',
    )
  }
  const addresses = new Set(candidates.map(({ address }) => address))
  if (addresses.size > 1) {
    throw noTarget(
      `${doing}: ${file.path} has ${addresses.size} functions '${symbol}'`,
      `say which by its place in the file, in bytes: ${[...addresses].map(one => `0x${file.offsetOf(one)?.toString(16)}`).join(', ')}`,
    )
  }
  const offset = file.offsetOf(first.address)
  if (offset !== undefined) return offset
  throw noTarget(
    `${doing}: '${symbol}' lies at 0x${first.address.toString(16)}, where ${file.path} has no code`,
  )
}

/** What is exported is also in the other table, which is long. */
function named(file: BinaryFile, name: string): BinaryFunction[] {
  for (const table of tables) {
    const found = [...functionsOf(file, table, one => one === name)]
    if (found.length > 0) return found
  }
  return []
}

/** As the loader chooses: the version that is meant by default, and what is not weak. */
function preferred(all: readonly BinaryFunction[]): readonly BinaryFunction[] {
  const only = (
    list: readonly BinaryFunction[],
    good: (one: BinaryFunction) => boolean,
  ): readonly BinaryFunction[] => (list.some(good) ? list.filter(good) : list)
  return only(
    only(all, one => one.isDefault),
    one => !one.isWeak,
  )
}

interface Missing {
  readonly name: string
  readonly version: string | undefined
  /** Those of the name, in other versions. */
  readonly all: readonly BinaryFunction[]
}

function notFound(file: BinaryFile, { name, version, all }: Missing, doing: string): BpfError {
  if (version !== undefined && all.length > 0) {
    const versions = [...new Set(all.map(one => one.version))].filter(Boolean)
    return noTarget(
      `${doing}: ${file.path} has '${name}', but not in version ${version}`,
      versions.length > 0 ? `there is ${versions.join(', ')}` : 'it has no version',
    )
  }
  const known = new Set<string>()
  for (const table of tables) for (const one of functionsOf(file, table, () => true)) known.add(one.name)
  return noTarget(
    `${doing}: ${file.path} has no function '${name}'${didYouMean(name, known)}`,
    known.size === 0 ? 'it was stripped of all symbols: give a place in the file, in bytes' : undefined,
  )
}

function noTarget(message: string, hint?: string): BpfError {
  return new BpfError(message, { code: 'ERR_NO_TARGET', ...(hint === undefined ? {} : { hint }) })
}
