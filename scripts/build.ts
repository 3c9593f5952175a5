// `npm run build`: dist/ from src/, whose types are checked elsewhere. The argument is another directory to write to.
// Every file becomes one of dist/, and then what is imported or started as a whole is put together: Node takes half a
// millisecond for each file that it loads, and the library has hundreds. It also takes time for every line, used or not: so
// the library is in parts.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { keepApart } from './build/apart.ts'
import { lateBuiltins } from './build/builtins.ts'
import { divide } from './build/divide.ts'

const root = resolve(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

rmSync(dist, { recursive: true, force: true })
const tscOptions = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--importHelpers', '--outDir', dist]
execFileSync(process.execPath, [tsc, ...tscOptions], { stdio: 'inherit' })
// the helpers of `using` are our own (src/using.ts), and not of a package
for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.js')) continue
  const path = join(dist, file)
  const text = readFileSync(path, 'utf8')
  const using = relative(dirname(path), join(dist, 'using.js'))
  const own = text.replace(' from "tslib";', ` from "${using.startsWith('.') ? using : `./${using}`}";`)
  if (own !== text) writeFileSync(path, own)
}

// of the tool nothing is imported by others
rmSync(join(dist, 'cli'), { recursive: true })

const options = { platform: 'node', target: 'node20', packages: 'external', legalComments: 'none' } as const
const loud = { logLevel: 'warning' } as const

// as Node imports it
const { main, parts } = await divide(dist, { ...options, ...loud })
mkdirSync(join(dist, 'parts'))
writeFileSync(join(dist, 'index.js'), main)
for (const [name, text] of parts) writeFileSync(join(dist, 'parts', `${name}.cjs`), text)

// as bundlers take it, which leave out what is not used
await build({
  ...{ ...options, ...loud, bundle: true, format: 'esm' },
  entryPoints: [join(root, 'src/index.ts')],
  outfile: join(dist, 'whole.js'),
  plugins: [lateBuiltins, keepApart(dist, join(dist, 'whole.js'))],
})

await build({
  ...{ ...options, ...loud, bundle: true, format: 'esm', splitting: true },
  entryPoints: [join(root, 'src/cli/main.ts')],
  outdir: join(dist, 'cli'),
  plugins: [keepApart(dist, join(dist, 'cli/main.js'))],
})
