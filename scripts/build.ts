// `npm run build`: dist/ from src/, whose types are checked elsewhere. The argument is another directory to write to.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'

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
