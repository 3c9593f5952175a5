import type { ElfFile } from '../elf/index.ts'
import { BtfError, ElfError } from '../errors.ts'
import { DataSection } from './data-section.ts'
import type { DefinedMap } from './defined-maps.ts'
import type { MapSpec } from './types.ts'

/** Where clang puts variables of the address space 1, which is that of arenas. */
const arenaSection = '.addr_space.1'

const SHT_NOBITS = 8

/**
 * Gives the object's arena the variables that are declared to be in it.
 *
 * @returns the arena, if it holds variables
 * @throws BtfError where there is more than one arena, which a program cannot use (kernel/bpf/verifier.c:
 * check_map_prog_compatibility); ElfError for variables without an arena.
 */
export function readArena(elf: ElfFile, defined: readonly DefinedMap[]): MapSpec | undefined {
  const [arena, second] = defined.map(({ map }) => map).filter(({ type }) => type === 'arena')
  if (arena && second) {
    throw new BtfError(`.maps/${second.name}`, `is a second arena beside '${arena.name}'`, {
      hint: 'an object has one arena: put everything into one',
    })
  }
  const section = elf.section(arenaSection)
  if (!section || section.size === 0 || section.type === SHT_NOBITS) return undefined
  if (!arena) {
    throw new ElfError(arenaSection, 'variables of an arena, but the object defines none', {
      hint: 'define a map of the type BPF_MAP_TYPE_ARENA in SEC(".maps")',
    })
  }
  arena.globals = new DataSection('arena', section)
  return arena
}
