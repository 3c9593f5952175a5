import type { ElfSection } from '../elf/index.ts'
import { ElfError } from '../errors.ts'
import { DataSection, type DataSectionKind } from './data-section.ts'
import { emptyMap, plainName } from './empty-map.ts'
import { kernelNameLength, mapFlag } from './kernel.ts'
import type { PlacedSection, SectionBytes } from './placement.ts'
import type { MapSpec } from './types.ts'

const SHT_NOBITS = 8

/** `.data`, `.rodata`, `.bss` and their dotted forms; `undefined` for every other section and for empty ones. */
export function dataSectionKind(section: ElfSection): DataSectionKind | undefined {
  if (section.size === 0) return undefined
  const kind = /^\.(data|rodata|bss)(\.|$)/.exec(section.name)?.[1]
  const isBss = section.type === SHT_NOBITS
  if (kind === 'bss') return isBss ? 'bss' : undefined
  if (kind === 'data' || kind === 'rodata') return isBss ? undefined : kind
  return undefined
}

/** INT_MAX, which kernel/bpf/arraymap.c: array_map_alloc_check allows. */
export const largestSection = 0x7fff_ffff

/** The array map of one entry that holds a data section. */
export function dataMap(
  section: SectionBytes,
  kind: DataSectionKind,
  placed: PlacedSection | undefined,
  name: string,
  objectName: string,
): MapSpec {
  if (section.size > largestSection) {
    throw new ElfError(
      section.name,
      `has ${section.size} bytes, the kernel takes at most ${largestSection} in a map's value`,
    )
  }
  const map = emptyMap(name)
  map.kernelName = kernelNameOf(section.name, objectName)
  map.type = 'array'
  map.keySize = 4
  map.valueSize = section.size
  map.maxEntries = 1
  // user space can map every section; it maps those that it may write, so that variables are live memory
  const data = new DataSection(kind, section)
  map.flags = data.isConstant ? mapFlag.MMAPABLE | mapFlag.RDONLY_PROG : mapFlag.MMAPABLE
  map.valueType = placed?.id ?? 0
  map.section = data
  return map
}

/**
 * The name that bpftool shows, as libbpf makes it: `counter.bss`, at most eight bytes of the object's name in front of
 * a section name with one dot; a section name with two dots stands alone.
 */
function kernelNameOf(section: string, objectName: string): string {
  const suffix = section.slice(0, kernelNameLength)
  const room = kernelNameLength - Math.max(7, section.length)
  const stem = objectName.split('.', 1)[0] ?? ''
  const prefix = section.indexOf('.', 1) >= 0 ? '' : stem.slice(0, Math.max(0, room))
  return plainName(`${prefix}${suffix}`)
}
