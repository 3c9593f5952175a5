import type { Btf } from '../btf/index.ts'
import type { PendingFunction } from './references.ts'

/** What `__exception_cb(handler)` of bpf_experimental.h makes of a program: a tag on it, with the handler's name in it. */
const prefix = 'exception_callback:'

/**
 * Lets programs reach the functions that take their exceptions (Linux 6.7): no instruction does, a tag names them. A tag
 * that names no function, or not a global one, is left to the verifier, which says so.
 */
export function referToExceptionCallbacks(
  btf: Btf,
  programs: readonly PendingFunction[],
  subprograms: readonly PendingFunction[],
): void {
  const byName = new Map(programs.map(program => [program.name, program]))
  for (const to of subprograms) {
    for (const tag of btf.findAll(`${prefix}${to.name}`, 'decl_tag')) {
      const program = tag.component === -1 && byName.get(btf.nameOf(tag.type))
      if (!program) continue
      program.references = [...program.references, { kind: 'callback', at: program.length - 1, to }]
    }
  }
}
