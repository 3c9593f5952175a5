import type { ProgramSpec, Spec } from './types.ts'

/**
 * The programs that are loaded: those with `autoload`. What struct_ops maps point to follows the maps: such a program is
 * loaded if a map that is created points to it, and not if the maps that did are not created or point elsewhere by now.
 */
export function loadedPrograms({ programs, maps }: Pick<Spec, 'programs' | 'maps'>): ProgramSpec[] {
  // most objects have none of those that go by a map
  if (!programs.some(({ type }) => type === 'struct_ops')) return programs.filter(({ autoload }) => autoload)
  const used = new Map<string, boolean>()
  for (const { structOps, autocreate } of maps) {
    if (!structOps) continue
    for (const name of structOps.declaredPrograms) used.set(name, used.get(name) ?? false)
    for (const name of structOps.programs) used.set(name, autocreate || used.get(name) === true)
  }
  return programs.filter(({ name, type, autoload }) =>
    type === 'struct_ops' ? (used.get(name) ?? autoload) : autoload,
  )
}
