import type { ElfFile, ElfRelocation, ElfSection, ElfSymbol } from '../elf/index.ts'
import { ElfError } from '../errors.ts'
import { type ExternSpec, kconfigSection } from './externs/declarations.ts'
import { Instructions, instructionSize, pseudo } from './instructions.ts'
import type { FunctionSpec } from './types.ts'

/** What one instruction of a function refers to. `at` counts instructions from the function's start. */
export type Reference =
  /** Loads the address of a map. */
  | { readonly kind: 'map'; readonly at: number; readonly map: string }
  /** Loads an address `offset` bytes into the value of a data section's map. */
  | { readonly kind: 'data'; readonly at: number; readonly map: string; readonly offset: number }
  /** Calls another function of the object. */
  | { readonly kind: 'call'; readonly at: number; readonly to: FunctionSpec }
  /** Loads the address of another function, for callbacks. */
  | { readonly kind: 'function'; readonly at: number; readonly to: FunctionSpec }
  /** Names the function that takes the program's exceptions: no instruction does, `at` is the last one. */
  | { readonly kind: 'callback'; readonly at: number; readonly to: FunctionSpec }
  /** Loads the address of a value of the kernel's configuration, which is `offset` bytes into the value of a map. */
  | {
      readonly kind: 'kconfig'
      readonly at: number
      readonly name: string
      readonly map: string
      readonly offset: number
    }
  /** Loads the address of something that the kernel defines (`.ksyms`), or calls it. */
  | { readonly kind: 'extern'; readonly at: number; readonly name: string; readonly isCall: boolean }

/** What a relocation can point to, prepared once an object. */
export interface ReferenceTargets {
  /** Name of the map that starts at this byte of the `.maps` section. */
  mapAt(section: number, offset: number): string | undefined
  /** Name of the map that holds this data section. */
  dataMap(section: number): string | undefined
  /** The sub-program that starts at this instruction of a section. */
  functionAt(section: number, instruction: number): FunctionSpec | undefined
  /** Name of the program that starts at this byte of a section. */
  programAt(section: number, offset: number): string | undefined
  /** What is expected of others under this name. */
  extern(name: string): ExternSpec | undefined
}

interface Site {
  readonly elf: ElfFile
  readonly section: ElfSection
  readonly code: Instructions
  readonly targets: ReferenceTargets
}

/** A function while the object is being read: what it refers to comes after all functions are known. */
export type PendingFunction = Omit<FunctionSpec, 'references'> & { references: readonly Reference[] }

/**
 * Reads what the functions of one section refer to: from its relocations, and from calls inside the section, which the
 * compiler resolves itself.
 *
 * @param functions of this section, by rising start
 * @throws ElfError for a relocation that no instruction, symbol or function stands behind.
 */
export function readReferences(
  elf: ElfFile,
  section: ElfSection,
  functions: readonly PendingFunction[],
  targets: ReferenceTargets,
): void {
  const site: Site = { elf, section, code: new Instructions(section.data, elf.littleEndian), targets }
  const relocations = elf.relocations(section.index)
  let next = 0
  for (const fn of functions) {
    const end = (fn.start + fn.length) * instructionSize
    while (next < relocations.length && relocations[next]!.offset < fn.start * instructionSize) next++
    const references: Reference[] = []
    const relocated = new Set<number>()
    for (let i = next; i < relocations.length && relocations[i]!.offset < end; i++) {
      const reference = readReference(site, fn, relocations[i]!)
      references.push(reference)
      relocated.add(reference.at)
    }
    addLocalCalls(site, fn, relocated, references)
    fn.references = references.sort((a, b) => a.at - b.at)
  }
}

function readReference(site: Site, fn: PendingFunction, relocation: ElfRelocation): Reference {
  const { elf, section, code } = site
  const place = `${section.name}+0x${relocation.offset.toString(16)}`
  if (relocation.offset % instructionSize !== 0) {
    throw new ElfError(place, 'a relocation does not start at an instruction')
  }
  const instruction = relocation.offset / instructionSize
  const at = instruction - fn.start
  const symbol = elf.symbol(relocation.symbol)
  const isCall = code.isCall(instruction)
  if (!isCall && !code.isWideLoad(instruction)) {
    throw new ElfError(
      place,
      `a relocation against ${nameOf(site, symbol)} is on neither a call nor a 64-bit load`,
    )
  }
  if (!isCall && at + 1 >= fn.length) {
    throw new ElfError(place, `the second half of a 64-bit load is outside of function '${fn.name}'`)
  }
  if (symbol.section === 'undefined') return externReference(site, place, at, symbol, isCall)
  if (typeof symbol.section !== 'number') {
    throw new ElfError(
      place,
      `symbol ${nameOf(site, symbol)} is ${symbol.section}, which no program can refer to`,
    )
  }
  const immediate = code.immediate(instruction)
  return isCall
    ? callReference(site, place, at, symbol, symbol.section, immediate)
    : loadReference(site, place, at, symbol, symbol.section, immediate)
}

function externReference(
  { targets }: Site,
  place: string,
  at: number,
  { name }: ElfSymbol,
  isCall: boolean,
): Reference {
  const extern = targets.extern(name)
  if (!extern)
    throw new ElfError(place, `refers to '${name}', which is defined nowhere`, {
      hint: 'what the kernel defines is declared __kconfig or __ksym, and the object compiled with -g',
    })
  if (isCall && extern.kind !== 'function') throw new ElfError(place, `calls '${name}', which is no function`)
  if (extern.kind !== 'kconfig') return { kind: 'extern', at, name, isCall }
  return { kind: 'kconfig', at, name, map: kconfigSection, offset: extern.offset }
}

/**
 * For a global function the symbol is the function and the immediate -1; for a static one the symbol is the section
 * and the immediate counts instructions from its start, less one.
 */
function callReference(
  site: Site,
  place: string,
  at: number,
  symbol: ElfSymbol,
  section: number,
  immediate: number,
): Reference {
  const to = site.targets.functionAt(section, symbol.value / instructionSize + immediate + 1)
  if (!to)
    throw new ElfError(place, `calls ${nameOf(site, symbol)}, where no function of section .text starts`)
  return { kind: 'call', at, to }
}

function loadReference(
  site: Site,
  place: string,
  at: number,
  symbol: ElfSymbol,
  section: number,
  immediate: number,
): Reference {
  // a static thing is addressed by its section's symbol and the immediate, a global one by its own symbol
  const offset = symbol.value + immediate
  // gcc 12 leaves a map's place in the immediate as well, which libbpf does not look at
  const mapOffset = symbol.kind === 'section' ? offset : symbol.value
  const dataMap = site.targets.dataMap(section)
  if (dataMap !== undefined) return { kind: 'data', at, map: dataMap, offset }
  const map = site.targets.mapAt(section, mapOffset)
  if (map !== undefined) return { kind: 'map', at, map }
  const to = site.targets.functionAt(section, offset / instructionSize)
  if (to) return { kind: 'function', at, to }
  if (site.elf.sections[section]?.name === '.jumptables') {
    const what = 'refers to section .jumptables, a table of jumps, which this version does not load'
    throw new ElfError(place, what, {
      code: 'ERR_UNSUPPORTED',
      hint: 'such tables need a map of Linux 6.19: compile with -fno-jump-tables',
    })
  }
  throw new ElfError(
    place,
    `refers to ${nameOf(site, symbol)}, which is neither a map, a variable nor a function`,
  )
}

/** Adds the calls between functions of one section, which carry a distance and no relocation. */
function addLocalCalls(
  site: Site,
  fn: PendingFunction,
  relocated: ReadonlySet<number>,
  references: Reference[],
): void {
  const { code, section, targets } = site
  for (let at = 0; at < fn.length; at++) {
    const i = fn.start + at
    if (!code.isCall(i)) {
      if (code.isWideLoad(i)) at++
      continue
    }
    if (code.sourceRegister(i) !== pseudo.CALL || relocated.has(at)) continue
    const to = targets.functionAt(section.index, i + code.immediate(i) + 1)
    if (!to) {
      const place = `${section.name}+0x${(i * instructionSize).toString(16)}`
      throw new ElfError(
        place,
        `function '${fn.name}' calls a place where no function of section .text starts`,
      )
    }
    references.push({ kind: 'call', at, to })
  }
}

function nameOf(site: Site, symbol: ElfSymbol): string {
  if (symbol.kind !== 'section') return `'${symbol.name}'`
  const section = typeof symbol.section === 'number' ? site.elf.sections[symbol.section] : undefined
  return `section ${section?.name ?? '?'}`
}
