import { dirname } from 'node:path'
import { BpfError } from '../errors.ts'
import { BPF_FS_MAGIC, fileSystemType } from '../syscall/index.ts'
import { closeGeneration, openGeneration } from './generation.ts'
import { objectNames } from './list.ts'
import type { Root } from './root.ts'
import { removeEmpty } from './trusted-path.ts'

/**
 * The root and directories above it that were made for an object to be pinned there, by this process or for another object
 * that is pinned beside: they go with the last of them, and so each must list them.
 */
export function directoriesAbove(root: Root): string[] {
  // nobody else would find them by that, and nothing was made above a mount
  if (root.path.startsWith('/proc/') || fileSystemType(dirname(root.path)) !== BPF_FS_MAGIC) return []
  const made = new Set(root.made)
  for (const name of namesIn(root)) for (const path of listedBy(root, name)) made.add(path)
  return [...made].sort((a, b) => a.length - b.length)
}

/** Who may not list the root leaves to others what they made. */
function namesIn(root: Root): string[] {
  return orNothing(() => objectNames(root))
}

function listedBy(root: Root, name: string): string[] {
  return orNothing(() => {
    const generation = openGeneration(root, name)
    closeGeneration(generation)
    return generation?.manifest.directories?.filter(path => isAbove(path, root)) ?? []
  })
}

/** Is it the root itself, or a directory that the root is in? */
export function isAbove(path: string, root: Root): boolean {
  return `${root.path}/`.startsWith(`${path}/`)
}

/** Removes what was made for an object that is pinned no more, from the root upwards, as far as it is empty. */
export function removeAbove(root: Root, made: readonly string[]): void {
  const above = made.filter(path => isAbove(path, root)).sort((a, b) => b.length - a.length)
  // another process may pin there in this moment, or have removed it already: then that is how it stays
  orNothing(() => {
    for (const path of above) removeEmpty(path)
    return []
  })
}

function orNothing(find: () => string[]): string[] {
  try {
    return find()
  } catch (error) {
    if (error instanceof BpfError) return []
    throw error
  }
}
