import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** The scripts in `scripts/`, in the two ways in which people ship them. */
export interface Built {
  /** They import the package, as npm installs it. */
  readonly installed: string
  /** One minified file each; koffi stays a package. */
  readonly bundled: string
  /** Bytes of the whole library in one minified file, without koffi, and of what an import of it loads. */
  readonly librarySize: number
  readonly importedSize: number
}

const checkout = join(import.meta.dirname, '..')
const scripts = join(import.meta.dirname, 'scripts')

let once: Promise<Built> | undefined

/** Builds the package and the scripts, the first time that it is called. */
export function built(scratch: string): Promise<Built> {
  once ??= make(scratch)
  return once
}

async function make(scratch: string): Promise<Built> {
  const installed = join(scratch, 'installed')
  install(join(installed, 'node_modules'))
  cpSync(scripts, installed, { recursive: true })
  const bundled = join(scratch, 'bundled')
  mkdirSync(bundled)
  symlinkSync(join(installed, 'node_modules'), join(bundled, 'node_modules'))
  const names = readdirSync(scripts)
  await Promise.all(names.map(name => bundle(join(installed, name), join(bundled, name))))
  const dist = join(installed, 'node_modules/bpfpin/dist')
  return {
    installed,
    bundled,
    librarySize: await bundle(join(dist, 'whole.js'), join(scratch, 'whole.mjs')),
    importedSize: await bundle(join(dist, 'index.js'), join(scratch, 'imported.mjs')),
  }
}

/** The package and what it depends on, as npm would put them. */
function install(modules: string): void {
  const at = join(modules, 'bpfpin')
  mkdirSync(at, { recursive: true })
  const build = ['--import', './test/ts-hook.mjs', 'scripts/build.ts', join(at, 'dist')]
  execFileSync(process.execPath, build, { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] })
  cpSync(join(checkout, 'package.json'), join(at, 'package.json'))
  const { dependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies))
    symlinkSync(join(checkout, 'node_modules', name), join(modules, name))
}

/** @returns bytes */
async function bundle(entry: string, outfile: string): Promise<number> {
  const { metafile } = await build({
    ...{ entryPoints: [entry], outfile, bundle: true, minify: true, metafile: true },
    ...{ format: 'esm', platform: 'node', external: ['koffi'], logLevel: 'error' },
  })
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
}
