import { type Btf, type BtfExt, parseBtfExt, readBtf } from '../btf/index.ts'
import { type ElfFile, type ElfSection, parseElf } from '../elf/index.ts'
import { BtfError } from '../errors.ts'
import type { ScannerOptions } from '../parser/index.ts'
import { readArena } from './arena.ts'
import { dataMap, dataSectionKind } from './data-sections.ts'
import { type DefinedMap, mapsSection, readDefinedMaps, readSlots } from './defined-maps.ts'
import { referToExceptionCallbacks } from './exception-callbacks.ts'
import { type ExternSpec, kconfigSection, readExterns } from './externs/declarations.ts'
import { codeSections, programOf, readFunctions, textSection } from './functions.ts'
import { instructionSize } from './instructions.ts'
import { kernelBtf } from './kernel-btf.ts'
import { uniqueNames } from './names.ts'
import { type PlacedSection, type PlacedVariable, placeSections } from './placement.ts'
import { type PendingFunction, type ReferenceTargets, readReferences } from './references.ts'
import { resizedTypes } from './resize.ts'
import { readOpsMaps, readOpsPrograms } from './struct-ops/struct-ops.ts'
import type { MapSpec, Spec } from './types.ts'
import { VariableSpec } from './variables.ts'

type FunctionsBySection = ReadonlyMap<number, readonly PendingFunction[]>

/**
 * Reads a BPF object. Pure: the same bytes give the same spec, and nothing outside is looked at.
 *
 * @param name of the object: names its directory on bpffs, and the maps of its data sections
 * @param options whether the bytes are copied
 * @throws ElfError, BtfError with the place.
 */
export function parseSpec(bytes: Uint8Array, name: string, options: ScannerOptions = {}): Spec {
  const elf = parseElf(bytes, options)
  const btf = readBtfSection(elf)
  const ext = readExtSection(elf, btf)
  const mapName = uniqueNames()
  const programName = uniqueNames()
  const subprogramName = uniqueNames()

  const externs = readExterns(elf, btf)
  const sections = btf ? placeSections(elf, btf, externs) : new Map<string, PlacedSection>()
  const { all: defined, arenas } = readDefinedMaps(elf, btf, sections.get(mapsSection), mapName)
  const ops = readOpsMaps(elf, btf, sections, mapName)
  const data = readDataMaps(elf, sections, name, mapName)
  const arena = readArena(elf, arenas)
  const holders = arena?.section ? [...data, arena] : data
  const code = codeSections(elf)
  const functions: FunctionsBySection = new Map(
    code.map(section => {
      const unique = section.name === textSection ? subprogramName : programName
      return [section.index, readFunctions(elf, section, unique)]
    }),
  )
  const targets = referenceTargets(elf, defined, holders, functions, externs)
  for (const section of code) readReferences(elf, section, functions.get(section.index) ?? [], targets)
  if (btf) referToExceptionCallbacks(btf, ...byUse(code, functions))
  if (btf) readSlots(elf, btf, defined, targets)
  readOpsPrograms(elf, ops, targets)

  return {
    name,
    elf,
    btf,
    kernelBtf: btf && resizable(() => kernelBtf(elf, btf, sections), data),
    ext,
    license: readLicense(elf),
    maps: [...defined.map(({ map }) => map), ...data, ...ops.map(({ map }) => map)],
    programs: code
      .filter(section => section.name !== textSection)
      .flatMap(section => (functions.get(section.index) ?? []).map(body => programOf(body, section.name))),
    variables: btf ? readVariables(btf, sections, holders) : [],
    externs,
  }
}

/** The functions that are programs, and those that programs call. */
function byUse(
  code: readonly ElfSection[],
  functions: FunctionsBySection,
): [programs: PendingFunction[], subprograms: PendingFunction[]] {
  const of = (isText: boolean): PendingFunction[] =>
    code.flatMap(({ name, index }) => ((name === textSection) === isText ? (functions.get(index) ?? []) : []))
  return [of(false), of(true)]
}

function readBtfSection(elf: ElfFile): Btf | undefined {
  const section = elf.section('.BTF')
  return section && readBtf(elf.scanner, elf.rangeOf(section))
}

function readExtSection(elf: ElfFile, btf: Btf | undefined): BtfExt | undefined {
  const section = elf.section('.BTF.ext')
  return section && btf && parseBtfExt(section.data, btf)
}

/** Types are made once for the lengths that variables have. */
function resizable(make: () => Btf, data: readonly MapSpec[]): () => Btf {
  let plain: Btf | undefined
  let made: { readonly lengths: string; readonly btf: Btf } | undefined
  return () => {
    plain ??= make()
    // asked for each of thousands of maps
    if (!data.some(isResized)) return plain
    const resized = data.flatMap(({ section }) => section?.resized ?? [])
    const lengths = resized.map(({ variable, length }) => `${variable}:${length}`).join()
    if (made?.lengths !== lengths) made = { lengths, btf: resizedTypes(plain, resized) }
    return made.btf
  }
}

function readDataMaps(
  elf: ElfFile,
  sections: ReadonlyMap<string, PlacedSection>,
  objectName: string,
  unique: (name: string) => string,
): MapSpec[] {
  const maps: MapSpec[] = []
  for (const section of elf.sections) {
    const kind = dataSectionKind(section)
    if (kind) maps.push(dataMap(section, kind, sections.get(section.name), unique(section.name), objectName))
  }
  const kconfig = sections.get(kconfigSection)
  if (kconfig) maps.push(dataMap(kconfig.section, 'kconfig', kconfig, unique(kconfigSection), objectName))
  return maps
}

/** The variables of the data sections; one without BTF (`.rodata.str1.1`) has none. */
function readVariables(
  btf: Btf,
  sections: ReadonlyMap<string, PlacedSection>,
  data: readonly MapSpec[],
): VariableSpec[] {
  const unique = uniqueNames()
  const bySection = new Map(
    [...sections.values()].map(({ section, variables }) => [section.index, variables]),
  )
  return data.flatMap(map => {
    const { name, section } = map
    const placed = (section && bySection.get(section.index)) ?? []
    return placed.map(place => {
      refuseTooSmall(btf, name, place)
      return new VariableSpec(unique(place.name), map, section!, btf, place)
    })
  })
}

/** As the kernel does (kernel/bpf/btf.c: btf_datasec_resolve). */
function refuseTooSmall(btf: Btf, section: string, { name, type, size }: PlacedVariable): void {
  const wanted = btf.sizeOf(type)
  if (size >= wanted) return
  throw new BtfError(`${section}/${name}`, `has ${size} bytes in its section, its type has ${wanted}`)
}

let decoder: InstanceType<typeof TextDecoder> | undefined

/** The `license` section holds one string; the kernel compares it to know whether GPL-only helpers may be called. */
function readLicense(elf: ElfFile): string {
  const bytes = elf.section('license')?.data
  if (!bytes) return ''
  const end = bytes.indexOf(0)
  decoder ??= new TextDecoder()
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function referenceTargets(
  elf: ElfFile,
  defined: readonly DefinedMap[],
  data: readonly MapSpec[],
  functions: FunctionsBySection,
  externs: readonly ExternSpec[],
): ReferenceTargets {
  const externsByName = new Map(externs.map(extern => [extern.name, extern]))
  const mapsIn = elf.section(mapsSection)?.index
  let mapsByOffset: Map<number, string> | undefined
  const dataBySection = new Map(data.map(map => [map.section?.index, map.name]))
  const startsOf = (section: number): ReadonlyMap<number, PendingFunction> =>
    new Map((functions.get(section) ?? []).map(fn => [fn.start, fn]))
  const starts = new Map([...functions.keys()].map(section => [section, startsOf(section)]))
  const text = elf.section(textSection)?.index
  return {
    mapAt(section, offset) {
      if (section !== mapsIn) return undefined
      mapsByOffset ??= new Map(defined.map(({ placed, map }) => [placed.offset, map.name]))
      return mapsByOffset.get(offset)
    },
    dataMap: section => dataBySection.get(section),
    functionAt: (section, instruction) =>
      section === text ? starts.get(section)?.get(instruction) : undefined,
    programAt: (section, offset) =>
      section === text ? undefined : starts.get(section)?.get(offset / instructionSize)?.name,
    extern: name => externsByName.get(name),
  }
}

function isResized({ section }: MapSpec): boolean {
  return section?.resized !== undefined
}
