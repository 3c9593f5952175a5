// `npm run build`: dist/ from src/, whose types are checked elsewhere. The argument is another directory to write to.
// Every file becomes one of dist/, and then what is imported or started as a whole is put together: Node takes half a
// millisecond for each file that it loads, and the library has hundreds. It also takes time for every line, used or not: so
// the library is in parts.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { keepApart } from './build/apart.ts'
import { builtinModule, lateBuiltins } from './build/builtins.ts'
import { divide } from './build/divide.ts'

const root = resolve(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

rmSync(dist, { recursive: true, force: true })
const tscOptions = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--importHelpers', '--outDir', dist]
execFileSync(process.execPath, [tsc, ...tscOptions], { stdio: 'inherit' })
// of the tool nothing is imported by others
rmSync(join(dist, 'cli'), { recursive: true })
// file by file it is for bundlers, which leave out what is not used
renameSync(join(dist, 'index.js'), join(dist, 'whole.js'))
for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.js')) continue
  const path = join(dist, file)
  const from = (built: string): string => {
    const found = relative(dirname(path), join(dist, built))
    return ` from "${found.startsWith('.') ? found : `./${found}`}"`
  }
  const text = readFileSync(path, 'utf8')
  // the helpers of `using` are our own (src/using.ts), and not of a package
  let own = text.replace(' from "tslib"', () => from('using.js'))
  if (!file.startsWith('esbuild')) {
    own = own.replace(/ from ["'](node:[\w/]+)["']/g, (_, name: string) => {
      const builtin = `builtin/${name.slice('node:'.length)}.js`
      mkdirSync(dirname(join(dist, builtin)), { recursive: true })
      writeFileSync(join(dist, builtin), builtinModule(name))
      return from(builtin)
    })
  }
  if (own !== text) writeFileSync(path, own)
}

const options = { platform: 'node', target: 'node20', packages: 'external', legalComments: 'none' } as const
const loud = { logLevel: 'warning' } as const

// as Node imports it
const { main, parts } = await divide(dist, { ...options, ...loud })
mkdirSync(join(dist, 'parts'))
writeFileSync(join(dist, 'index.js'), main)
for (const [name, text] of parts) writeFileSync(join(dist, 'parts', `${name}.cjs`), text)

for (const room of ['elf', 'btf']) {
  await build({
    ...{ ...options, ...loud, bundle: true, format: 'esm' },
    entryPoints: [join(root, 'src', room, 'index.ts')],
    outfile: join(dist, `${room}.js`),
    plugins: [keepApart(dist, join(dist, `${room}.js`))],
  })
}

await build({
  ...{ ...options, ...loud, bundle: true, format: 'esm', splitting: true },
  entryPoints: [join(root, 'src/cli/main.ts')],
  outdir: join(dist, 'cli'),
  plugins: [lateBuiltins, keepApart(dist, join(dist, 'cli/main.js'))],
})
