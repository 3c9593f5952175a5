import { join, relative, resolve } from 'node:path'

export const src: string = resolve(import.meta.dirname, '../../src')

/** `map/map` for the file of src/ that is imported; `undefined` for one that is elsewhere. */
export function sourceName(directory: string, specifier: string): string | undefined {
  const name = relative(src, resolve(directory, specifier))
  return name.startsWith('..') || !name.endsWith('.ts') ? undefined : name.slice(0, -'.ts'.length)
}

export const sourcePath = (name: string): string => join(src, `${name}.ts`)
export const builtPath = (dist: string, name: string): string => join(dist, `${name}.js`)
