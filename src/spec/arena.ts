import type { ElfFile } from '../elf/index.ts'
import { ElfError } from '../errors.ts'
import { DataSection } from './data-section.ts'
import type { Definition } from './map-definitions.ts'
import type { MapSpec } from './types.ts'

/** The section of variables that lie in the object's arena (`__arena`, an address space of its own). */
const arenaSection = '.addr_space.1'
/** The smallest page that there is; where they are larger, an arena of so many has more room. */
const smallestPage = 4096

/**
 * Finds the arena of an object and gives it its variables, which lie at its start; `undefined` for an object without.
 *
 * @throws ElfError for more than one arena, variables without an arena, or more of them than it has room for.
 */
export function readArena(elf: ElfFile, arenas: readonly Definition[]): MapSpec | undefined {
  const [arena, other] = arenas
  if (arena && other) {
    throw new ElfError('.maps', `'${arena.name}' and '${other.name}' are arenas: a program has one at most`)
  }
  const section = elf.section(arenaSection)
  if (!section || section.size === 0) return arena
  if (!arena) {
    throw new ElfError(arenaSection, 'there are variables of an arena, and no map of type BPF_MAP_TYPE_ARENA')
  }
  const pages = Math.ceil(section.size / smallestPage)
  if (pages > arena.maxEntries) {
    throw new ElfError(
      arenaSection,
      `has ${section.size} bytes, arena '${arena.name}' has ${arena.maxEntries} pages: it needs ${pages}`,
    )
  }
  arena.section = new DataSection('arena', section)
  return arena
}
