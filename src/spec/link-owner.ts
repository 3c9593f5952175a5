import { mapFlag } from './kernel.ts'
import { loadedPrograms } from './loaded.ts'
import type { SectionMatch } from './sections.ts'
import type { StructOpsTarget } from './target-forms.ts'
import type { LinkOptions, MapSpec, ProgramSpec, Spec } from './types.ts'

type Part =
  | ('name' | 'section' | 'rule' | 'type' | 'attachType')
  | ('autoload' | 'autoattach' | 'target' | 'targets' | 'link')

/**
 * What a link is made for: a program, or a struct_ops map, which is registered as a whole: then the family is `struct_ops`,
 * and the target says as what.
 */
export type LinkOwner = Pick<ProgramSpec, Part>

/** Of all that is loaded and created what can have links. */
export function linkOwners(spec: Pick<Spec, 'programs' | 'maps'>): LinkOwner[] {
  const owners: LinkOwner[] = loadedPrograms(spec)
  for (const map of spec.maps) {
    const owner = map.structOps && map.autocreate ? opsOwner(map) : undefined
    if (owner) owners.push(owner)
  }
  return owners
}

/** A struct_ops map as what its link is made for; `undefined` for any other map. */
export function opsOwner({ name, structOps, flags }: MapSpec): LinkOwner | undefined {
  if (!structOps) return undefined
  const { target, link, autoattach } = structOps
  const section = flags & mapFlag.LINK ? '.struct_ops.link' : '.struct_ops'
  return { ...registering(name, target, link), section, autoattach }
}

/** The same from what is known of a link. */
export function registering(name: string, target: StructOpsTarget, link: LinkOptions): LinkOwner {
  return {
    ...{ name, target, targets: {}, link, rule, section: '.struct_ops.link' },
    ...{ type: 'struct_ops', attachType: 'struct_ops', autoload: true, autoattach: true },
  }
}

const rule: SectionMatch = {
  ...{ programType: 'struct_ops', attachType: 'struct_ops', flags: 0, family: 'struct_ops' },
  ...{ namesTarget: false, extra: '' },
}
