import { dirname, relative } from 'node:path'
import type { Plugin } from 'esbuild'
import { builtPath, sourceName } from './places.ts'

/** What stays a file of its own: the errors, which are the same in all parts of the package, and what bundlers put another in the place of. */
const apart = /^(errors|syscall\/koffi|esbuild\/.*)$/

/** Is this file of src/ one of dist/ as well? */
export const isApart = (name: string): boolean => apart.test(name)

/** Of what Node imports, which no bundler reads, the errors alone: each file more takes Node half a millisecond. */
export const isShared = (name: string): boolean => name === 'errors'

/** @param output - Where what is built will be, from which the others are imported. */
export function keepApart(dist: string, output: string, isKept: typeof isApart = isApart): Plugin {
  return {
    name: 'keep-apart',
    setup({ onResolve }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ resolveDir, path }) => {
        const name = sourceName(resolveDir, path)
        if (name === undefined || !isKept(name)) return undefined
        const built = relative(dirname(output), builtPath(dist, name))
        return { path: built.startsWith('.') ? built : `./${built}`, external: true }
      })
    },
  }
}
