import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** A source as JavaScript. */
export interface BuiltSource {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Makes each source one JavaScript file, to be beside it with the ending `.mjs`, and what several of them import a few
 * more. A hundred modules take four times as long to load, in an emulator ten times. The library is one file, which is
 * made once: as a part of each of hundreds of tests it took the build twenty seconds of a processor. Reading a source map
 * at each start would double that time, so there are none, and stack traces have lines of what is built.
 */
export async function buildSources(checkout: string, paths: readonly string[]): Promise<BuiltSource[]> {
  const { outputFiles } = await build({
    entryPoints: [...paths],
    outdir: checkout,
    outbase: checkout,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'test/shared/[name]-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    plugins: [wholeLibrary(checkout), ownPlaces(checkout), watchedTests(checkout)],
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

/** The name of a module that is in no file: it imports all that the library has. */
const library = 'the whole library'
/** What few tests need. */
const notOfLibrary = /^(?:cli|codegen|esbuild)\/|^parser\/assembly\/|\.d\.ts$/

/**
 * esbuild puts what the same programs reach into one file, and each test reaches other parts of the library: that would
 * be fifty files to load. So whoever imports some of it gets all.
 */
function wholeLibrary(checkout: string): Plugin {
  const sources = join(checkout, 'src')
  return {
    name: 'whole library',
    setup(builder) {
      builder.onResolve({ filter: RegExp(`^${library}$`) }, () => ({ path: library, namespace: library }))
      builder.onLoad({ filter: /^/, namespace: library }, () => ({
        contents: readdirSync(sources, { recursive: true, encoding: 'utf8' })
          .filter(
            file => file.endsWith('.ts') && !notOfLibrary.test(file) && !programs.includes(`src/${file}`),
          )
          .sort()
          .map(file => `import ${JSON.stringify(join(sources, file))}\n`)
          .join(''),
        resolveDir: sources,
      }))
      // package.json says that an import of which nothing is used may be left out
      builder.onResolve({ filter: /^[./].*\.ts$/ }, ({ kind, path, resolveDir }) =>
        kind === 'entry-point' ? undefined : { path: resolve(resolveDir, path), sideEffects: true },
      )
    },
  }
}

/** Does a module outside of the library import some of it? The programs are what others start, so they need not. */
function usesLibrary(checkout: string, path: string, text: string): boolean {
  const sources = join(checkout, 'src') + sep
  const isOfLibrary = (file: string): boolean =>
    file.startsWith(sources) && !notOfLibrary.test(file.slice(sources.length))
  if (programs.includes(relative(checkout, path))) return true
  if (isOfLibrary(path)) return false
  const imported = text.matchAll(/^(?:import|export)\b(?! type\b)[^']*? from '(\.[^']*)'/gm)
  return [...imported].some(([, specifier]) => isOfLibrary(resolve(dirname(path), specifier!)))
}

/** A module says where itself is, not where the file is that it was put into. */
function ownPlaces(checkout: string): Plugin {
  return {
    name: 'own places',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        const contents = text
          .replace(/(?<!')import\.meta\.url/g, JSON.stringify(pathToFileURL(path).href))
          .replace(/(?<!')import\.meta\.dirname/g, JSON.stringify(dirname(path)))
        const more = usesLibrary(checkout, path, text) ? `\nimport '${library}'\n` : ''
        return { loader: 'ts', contents: contents + more }
      })
    },
  }
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
