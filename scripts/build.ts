// `npm run build`: dist/ from src/, whose types are checked elsewhere. The argument is another directory to write to.
// Every file becomes one of dist/, and then what is imported or started as a whole is put together: Node takes half a
// millisecond for each file that it loads, and the library has hundreds.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

rmSync(dist, { recursive: true, force: true })
const options = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--importHelpers', '--outDir', dist]
execFileSync(process.execPath, [tsc, ...options], { stdio: 'inherit' })
// the helpers of `using` are our own (src/using.ts), and not of a package
for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.js')) continue
  const path = join(dist, file)
  const text = readFileSync(path, 'utf8')
  const using = relative(dirname(path), join(dist, 'using.js'))
  const own = text.replace(' from "tslib";', ` from "${using.startsWith('.') ? using : `./${using}`}";`)
  if (own !== text) writeFileSync(path, own)
}

/** What stays a file of its own: the errors, which are the same in all parts of the package, and what bundlers put another in the place of. */
const apart = /^(errors\.ts|syscall\/koffi\.ts|esbuild\/.*)$/

// of the tool nothing is imported by others
rmSync(join(dist, 'cli'), { recursive: true })

for (const entry of ['index', 'cli/main']) {
  const place = dirname(join(dist, entry))
  const keepApart: Plugin = {
    name: 'keep-apart',
    setup({ onResolve }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ resolveDir, path }) => {
        const file = relative(join(root, 'src'), resolve(resolveDir, path))
        if (!apart.test(file)) return undefined
        const built = relative(place, join(dist, file.replace(/ts$/, 'js')))
        return { path: built.startsWith('.') ? built : `./${built}`, external: true }
      })
    },
  }
  await build({
    entryPoints: [join(root, 'src', `${entry}.ts`)],
    outdir: place,
    allowOverwrite: true,
    ...{ bundle: true, splitting: true, packages: 'external' },
    ...{ format: 'esm', platform: 'node', target: 'node20', legalComments: 'none', logLevel: 'warning' },
    plugins: [keepApart],
  })
}
