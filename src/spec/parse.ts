import { type Btf, parseBtfExtSection, parseBtfSection } from '../btf/index.ts'
import { type ElfFile, parseElf } from '../elf/index.ts'
import { type DataMap, dataMap, dataSectionKind, sectionVariables } from './data-sections.ts'
import { type DefinedMap, readDefinedMaps, readSlots } from './defined-maps.ts'
import { codeSections, programOf, readFunctions, textSection } from './functions.ts'
import { instructionSize } from './instructions.ts'
import { uniqueNames } from './names.ts'
import { type PendingFunction, type ReferenceTargets, readReferences } from './references.ts'
import type { Spec } from './types.ts'

type FunctionsBySection = ReadonlyMap<number, readonly PendingFunction[]>

/**
 * Reads a BPF object. Pure: the same bytes give the same spec, and nothing outside is looked at.
 *
 * @param name of the object: names its directory on bpffs, and the maps of its data sections
 * @throws ElfError, BtfError with the place.
 */
export function parseSpec(bytes: Uint8Array, name: string): Spec {
  const elf = parseElf(bytes)
  const btf = parseBtfSection(elf)
  const ext = btf && parseBtfExtSection(elf, btf)
  const mapName = uniqueNames()
  const programName = uniqueNames()
  const subprogramName = uniqueNames()

  const defined = readDefinedMaps(elf, btf, mapName)
  const data = readDataMaps(elf, btf, name, mapName)
  const code = codeSections(elf)
  const functions: FunctionsBySection = new Map(
    code.map(section => {
      const unique = section.name === textSection ? subprogramName : programName
      return [section.index, readFunctions(elf, section, unique)]
    }),
  )
  const targets = referenceTargets(elf, defined.maps, data, functions)
  for (const section of code) readReferences(elf, section, functions.get(section.index) ?? [], targets)
  readSlots(elf, defined, targets)

  return {
    name,
    elf,
    btf,
    ext,
    license: readLicense(elf),
    maps: [...defined.maps, ...data].map(({ map }) => map),
    programs: code
      .filter(section => section.name !== textSection)
      .flatMap(section => (functions.get(section.index) ?? []).map(body => programOf(body, section.name))),
    variables: readVariables(btf, data),
    externs: externNames(functions),
  }
}

function readDataMaps(
  elf: ElfFile,
  btf: Btf | undefined,
  objectName: string,
  unique: (name: string) => string,
): DataMap[] {
  const maps: DataMap[] = []
  for (const section of elf.sections) {
    const kind = dataSectionKind(section)
    if (kind) maps.push(dataMap(elf, btf, section, kind, unique(section.name), objectName))
  }
  return maps
}

function readVariables(btf: Btf | undefined, data: readonly DataMap[]): Spec['variables'] {
  if (!btf) return []
  const unique = uniqueNames()
  return data.flatMap(map => sectionVariables(btf, map, unique))
}

/** The `license` section holds one string; the kernel compares it to know whether GPL-only helpers may be called. */
function readLicense(elf: ElfFile): string {
  const bytes = elf.section('license')?.data
  if (!bytes) return ''
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function referenceTargets(
  elf: ElfFile,
  defined: readonly DefinedMap[],
  data: readonly DataMap[],
  functions: FunctionsBySection,
): ReferenceTargets {
  const mapsByPlace = new Map(defined.map(({ section, offset, map }) => [`${section}+${offset}`, map.name]))
  const dataBySection = new Map(data.map(({ map }) => [map.section?.index, map.name]))
  const startsOf = (section: number): ReadonlyMap<number, PendingFunction> =>
    new Map((functions.get(section) ?? []).map(fn => [fn.start, fn]))
  const starts = new Map([...functions.keys()].map(section => [section, startsOf(section)]))
  const text = elf.section(textSection)?.index
  return {
    mapAt: (section, offset) => mapsByPlace.get(`${section}+${offset}`),
    dataMap: section => dataBySection.get(section),
    functionAt: (section, instruction) =>
      section === text ? starts.get(section)?.get(instruction) : undefined,
    programAt: (section, offset) =>
      section === text ? undefined : starts.get(section)?.get(offset / instructionSize)?.name,
  }
}

function externNames(functions: FunctionsBySection): string[] {
  const names = new Set<string>()
  for (const fns of functions.values()) {
    for (const { references } of fns) {
      for (const reference of references) if (reference.kind === 'extern') names.add(reference.name)
    }
  }
  return [...names]
}
