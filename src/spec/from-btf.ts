import type { Btf, TypeId } from '../btf/index.ts'
import { parseMapDefinition } from './map-definitions.ts'
import { uniqueNames } from './names.ts'
import type { MapSpec } from './types.ts'

/** The types of a map's entries; 0 where they are not known. */
export interface EntryTypes {
  readonly key: TypeId
  readonly value: TypeId
  /** What a map of maps holds, as it was defined. */
  readonly inner?: MapSpec
}

/**
 * The types of an object's maps, from its BTF alone: `.maps` describes each map by a variable, and a data section is a
 * type of its own. Names are those of the object's spec.
 *
 * @param names of the maps that there are, in the object's order
 */
export function entryTypes(btf: Btf, names: readonly string[]): ReadonlyMap<string, EntryTypes> {
  const types = definedTypes(btf)
  for (const name of names) {
    const section = types.has(name) ? undefined : btf.find(name, 'datasec')
    if (section) types.set(name, { key: 0, value: section.id })
  }
  return types
}

function definedTypes(btf: Btf): Map<string, EntryTypes> {
  const types = new Map<string, EntryTypes>()
  const unique = uniqueNames()
  for (const entry of btf.find('.maps', 'datasec')?.variables ?? []) {
    const variable = btf.type(entry.type)
    if (variable.kind !== 'var') continue
    const name = unique(variable.name)
    const struct = btf.resolve(variable.type)
    if (struct.kind !== 'struct') continue
    const { keyType, valueType, inner } = parseMapDefinition(btf, struct, name)
    types.set(name, { key: keyType, value: valueType, ...(inner ? { inner } : {}) })
  }
  return types
}

/** A variable of a data section, as BTF places it. */
export interface SectionVariable {
  readonly name: string
  /** The section's map. */
  readonly map: string
  /** Bytes from the start of the section, and its size. */
  readonly offset: number
  readonly size: number
  readonly type: TypeId
}

/**
 * The variables of data sections, from BTF in which the sections are filled in. Names are those of the object's spec.
 *
 * @param maps names of the sections' maps, in the object's order
 */
export function sectionVariables(btf: Btf, maps: readonly string[]): SectionVariable[] {
  const unique = uniqueNames()
  return maps.flatMap(map =>
    (btf.find(map, 'datasec')?.variables ?? []).flatMap(({ type, offset, size }) => {
      const variable = btf.type(type)
      if (variable.kind !== 'var') return []
      return { name: unique(variable.name), map, offset, size, type: variable.type }
    }),
  )
}

/** Is this the name of a data section's map? Nothing else begins with a dot. */
export function isDataSection(map: string): boolean {
  return /^\.((data|rodata|bss)(\.|$|~)|kconfig$)/.test(map)
}

/** Is this the name of a data section's map that no longer changes once it is loaded? */
export function isConstantSection(map: string): boolean {
  return /^\.(rodata|kconfig)/.test(map)
}
