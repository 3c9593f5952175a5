import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** A source as the machines have it. */
export interface BuiltSource {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Makes each source one JavaScript file with everything in it that it imports, packages apart, to be beside it with the
 * ending `.mjs`: in an emulator a file with all in it starts in a tenth of the time that a hundred modules take. Reading a
 * source map at each start would double that again, so there are none, and stack traces have lines of what is built.
 */
export async function buildSources(checkout: string, paths: readonly string[]): Promise<BuiltSource[]> {
  const { outputFiles } = await build({
    entryPoints: [...paths],
    outdir: checkout,
    outbase: checkout,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    plugins: [ownPlaces, watchedTests(checkout)],
  })
  return outputFiles.map(({ path, contents }) => ({ path, bytes: contents }))
}

/** A module says where itself is, not where the file is that it was put into. */
const ownPlaces: Plugin = {
  name: 'own places',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
    }))
  },
}

/** Tests get the runner's uvu, as from test/runner/ts-loader.mjs. */
function watchedTests(checkout: string): Plugin {
  const path = join(checkout, 'test/runner/uvu.mjs')
  return {
    name: 'watched tests',
    setup(builder) {
      builder.onResolve({ filter: /^uvu$/ }, () => ({ path, external: true }))
    },
  }
}
