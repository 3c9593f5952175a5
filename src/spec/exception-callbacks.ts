import type { Btf } from '../btf/index.ts'
import type { PendingFunction, Reference } from './references.ts'

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
  const byName = new Map(programs.map(program => [program.name, { program, callbacks: [] as Reference[] }]))
  for (const to of subprograms) {
    for (const tag of btf.findAll(`${prefix}${to.name}`, 'decl_tag')) {
      const found = tag.component === -1 ? byName.get(btf.nameOf(tag.type)) : undefined
      found?.callbacks.push({ kind: 'callback', at: found.program.length - 1, to })
    }
  }
  for (const { program, callbacks } of byName.values()) {
    if (callbacks.length > 0) program.references = [...program.references, ...callbacks]
  }
}
