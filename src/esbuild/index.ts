import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OnLoadResult, PartialMessage, Plugin, PluginBuild } from 'esbuild'
import { BpfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import { toBase85 } from './base85.ts'
import { writeDeclarations } from './declarations.ts'
import { type NativePart, nativePart } from './native-part.ts'
import { skeletonOf } from './skeleton.ts'
import { type Arch, type Libc, type NativeTarget, nativeTargets, targetName } from './targets.ts'

export type { Arch, Libc }

export interface BundleOptions {
  /** Processors that the bundle is to run on, each about 180 KB. Default: this machine's. */
  readonly arch?: Arch | readonly Arch[]
  /** C libraries of the systems that it is to run on: musl is Alpine's. Default `'glibc'`. */
  readonly libc?: Libc | readonly Libc[]
  /**
   * Are the types of an object that is imported written beside it, as `counter.bpf.d.o.ts`, for editors and tsc (with
   * `allowArbitraryExtensions`)? Default true; a file that says the same already is left alone.
   */
  readonly declarations?: boolean
  /** Types to declare that no map has, by their names in C, in every object that has them: those of events. */
  readonly types?: readonly string[]
}

/**
 * A plugin for esbuild. `import { openCounter } from './counter.bpf.o'` gives the object's typed skeleton, as `bpfpin gen` makes it,
 * with the object in it; and what is bundled with `bpfpin` carries koffi's native part, so that it runs with nothing beside it.
 *
 * Where the build does not say otherwise it is for `platform: 'node'` and `target: 'node20'`, with lines of 400 characters, as
 * node prints the line of an error that nobody catches.
 *
 * @throws BpfError `ERR_VALUE` for options that cannot be. What fails later is an error of the build.
 *
 * @example
 * await build({ entryPoints: ['tool.ts'], bundle: true, format: 'esm', outfile: 'tool.mjs', plugins: [bpfpin()] })
 */
export default function bpfpin(given?: BundleOptions): Plugin {
  const options = optionsOf(given, 'bpfpin()')
  const targets = nativeTargets(options.arch, options.libc)
  const types: unknown = options.types ?? []
  if (!Array.isArray(types) || types.some(type => typeof type !== 'string')) {
    throw new BpfError("option 'types' is a list of names", {
      code: 'ERR_VALUE',
      hint: "bpfpin({ types: ['event'] })",
    })
  }
  return {
    name: 'bpfpin',
    setup(build) {
      setDefaults(build)
      build.onLoad({ filter: /\.bpf\.o$/, namespace: 'file' }, ({ path }) =>
        orMessages(() => loadObject(path, options)),
      )
      build.onLoad({ filter: /[\\/]syscall[\\/]koffi\.[jt]s$/, namespace: 'file' }, ({ path }) =>
        isOurs(path, '../../..') ? carryKoffi(targets, path) : undefined,
      )
      // for bundlers there is a file without parts, under the condition 'module', which a build may have taken from its list
      build.onLoad({ filter: /[\\/]dist[\\/]index\.js$/, namespace: 'file' }, ({ path }) =>
        isOurs(path, '../..')
          ? { contents: "export * from './whole.js'", resolveDir: dirname(path) }
          : undefined,
      )
      build.onResolve({ filter: new RegExp(`^${scheme}`) }, ({ path, importer }) => ({
        path: path.slice(scheme.length),
        namespace: scheme,
        pluginData: importer,
      }))
      build.onLoad({ filter: /./, namespace: scheme }, ({ path, pluginData: user }) =>
        orMessages(async () => {
          const target = targets.find(target => targetName(target) === path)
          if (!target) throw new BpfError(`no target is called '${path}'`, { code: 'ERR_VALUE' })
          return { contents: partModule(await nativePart(target, user)), loader: 'js' }
        }),
      )
    },
  }
}

/** Of the modules with native parts. */
const scheme = 'bpfpin-native:'

/** With a source map of its own, which has no text in it: else that of the bundle would have the part once more. */
function partModule({ compressed, notice }: NativePart): string {
  const map = { version: 3, sources: ['koffi.node'], names: [], mappings: 'AAAA' }
  const url = `data:application/json,${encodeURIComponent(JSON.stringify(map))}`
  return `/*! ${notice.trim()} */\nexport default '${toBase85(compressed)}'\n//# sourceMappingURL=${url}`
}

function setDefaults({ initialOptions: options }: PluginBuild): void {
  options.platform ??= 'node'
  options.target ??= 'node20'
  options.lineLimit ??= 400
}

async function loadObject(path: string, options: BundleOptions): Promise<OnLoadResult> {
  const { js, dts } = skeletonOf(path, readFileSync(path), options.types ?? [])
  const warnings = options.declarations === false ? [] : writeDeclarations(path, dts)
  return { contents: js, loader: 'js', resolveDir: dirname(path), watchFiles: [path], warnings }
}

/** Another package may have a file of that name. */
function isOurs(path: string, up: string): boolean {
  const manifest = resolve(path, up, 'package.json')
  if (!existsSync(manifest)) return false
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'bpfpin'
}

function carryKoffi(targets: readonly NativeTarget[], path: string): OnLoadResult {
  const names = targets.map(targetName)
  const own = fileURLToPath(import.meta.url)
  const loader = join(dirname(own), own.endsWith('.ts') ? 'carried-koffi.ts' : 'carried-koffi.js')
  return {
    contents: [
      `import { loadCarriedKoffi } from ${JSON.stringify(loader)}`,
      ...names.map((name, i) => `import part${i} from ${JSON.stringify(scheme + name)}`),
      `const parts = { ${names.map((name, i) => `'${name}': part${i}`).join(', ')} }`,
      'export const loadKoffi = () => loadCarriedKoffi(parts)',
    ].join('\n'),
    loader: 'js',
    resolveDir: dirname(path),
  }
}

/** Errors that say what is wrong are for the user; of all others esbuild shows the stack. */
async function orMessages(load: () => Promise<OnLoadResult>): Promise<OnLoadResult> {
  try {
    return await load()
  } catch (error) {
    if (error instanceof BpfError) return { errors: [messageOf(error)] }
    throw error
  }
}

function messageOf({ message, code, hint }: BpfError): PartialMessage {
  return { text: `${message} [${code}]`, notes: hint === undefined ? [] : [{ text: hint }] }
}
