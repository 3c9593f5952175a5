import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** A source as JavaScript. */
export interface BuiltSource {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Makes each source one JavaScript file with everything in it that it imports, packages apart, to be beside it with the
 * ending `.mjs`: a file with all in it starts in a quarter of the time that a hundred modules take, in an emulator in a
 * tenth. Reading a source map at each start would double that again, so there are none, and stack traces have lines of
 * what is built.
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

/** What tests start as programs or import by its path, besides what is in their directories. */
export const programs: readonly string[] = ['src/index.ts', 'src/syscall/index.ts', 'src/cli/main.ts']

/** Builds some test files, and all that tests may start, into a directory: there they have their paths in the checkout. */
export async function keepBuilt(
  checkout: string,
  tests: readonly string[],
  directory: string,
): Promise<void> {
  const started = ['test', 'examples'].flatMap(part =>
    readdirSync(join(checkout, part), { recursive: true, encoding: 'utf8' })
      .filter(file => /(?<!\.d|\.test)\.ts$/.test(file))
      .map(file => join(checkout, part, file)),
  )
  const paths = [...tests, ...started, ...programs.map(program => join(checkout, program))]
  for (const { path, bytes } of await buildSources(checkout, paths)) {
    const kept = join(directory, relative(checkout, path))
    mkdirSync(dirname(kept), { recursive: true })
    writeFileSync(kept, bytes)
  }
}

/** A module says where itself is, not where the file is that it was put into. */
const ownPlaces: Plugin = {
  name: 'own places',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8')
        .replace(/(?<!')import\.meta\.url/g, JSON.stringify(pathToFileURL(path).href))
        .replace(/(?<!')import\.meta\.dirname/g, JSON.stringify(dirname(path))),
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
