import { BpfError } from '../errors.ts'
import { BpfLink } from '../link/index.ts'
import { closeGeneration, openGeneration, type Root } from '../pin/index.ts'
import { openPin } from '../pin/open.ts'

/**
 * The names of an object's pinned links that do nothing any more, as what they were attached to is gone. Links that
 * cannot be opened are not among them.
 */
export function deadLinks(root: Root, object: string): ReadonlySet<string> {
  const dead = new Set<string>()
  const generation = openGeneration(root, object)
  if (!generation) return dead
  try {
    const { pins, links } = generation.manifest
    const targets = new Map(links.map(({ name, target }) => [name, target ?? undefined]))
    for (const record of pins) {
      if (record.kind !== 'link') continue
      const { name } = record
      try {
        const fd = openPin(generation, record)
        using link = new BpfLink({ fd, name, program: name, target: targets.get(name) })
        if (!link.alive) dead.add(name)
      } catch (error) {
        if (!(error instanceof BpfError)) throw error
      }
    }
  } finally {
    closeGeneration(generation)
  }
  return dead
}
