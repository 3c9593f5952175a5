import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { PartialMessage } from 'esbuild'

/**
 * Writes what TypeScript looks for beside `counter.bpf.o` (`allowArbitraryExtensions`): `counter.bpf.d.o.ts`. A bundle can be
 * made where nothing can be written; so that is a warning.
 */
export function writeDeclarations(object: string, text: string): PartialMessage[] {
  const path = object.replace(/\.o$/, '.d.o.ts')
  if (textOf(path) === text) return []
  try {
    writeFileSync(path, text)
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [{ text: `cannot write the types of ${basename(object)}: ${reason}` }]
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
