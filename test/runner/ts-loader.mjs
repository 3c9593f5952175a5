// Module hooks, run by node in a thread of their own. Transformed sources are cached under node_modules, so that the
// many processes of a test run do not each start an esbuild service.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { builtFile } from './built-file.cjs'

const require = createRequire(import.meta.url)
const esbuildVersion = require('esbuild/package.json').version
const cache = fileURLToPath(new URL('../../node_modules/.cache/ts-hook/', import.meta.url))
const watchedUvu = new URL('./uvu.mjs', import.meta.url).href

/** Test files get our wrapper of uvu: it knows which test is running and which suites were never run. */
export async function resolve(specifier, context, nextResolve) {
  if (specifier === 'uvu' && context.parentURL !== watchedUvu) {
    return { url: watchedUvu, format: 'module', shortCircuit: true }
  }
  const resolved = await nextResolve(specifier, context)
  const built = resolved.url.startsWith('file:') ? builtFile(fileURLToPath(resolved.url)) : undefined
  return built === undefined ? resolved : { ...resolved, url: pathToFileURL(built).href, format: 'module' }
}

export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !/\.ts(?:\?|$)/.test(url)) return nextLoad(url, context)
  const file = fileURLToPath(url)
  const source = await transformed(file, readFileSync(file, 'utf8'))
  return { format: 'module', source, shortCircuit: true }
}

async function transformed(file, text) {
  const key = createHash('sha256').update(`${esbuildVersion}\0${file}\0${text}`).digest('hex')
  const cached = `${cache}${key}.mjs`
  try {
    return readFileSync(cached, 'utf8')
  } catch {
    const { code } = await transform(file, text)
    keep(cached, code)
    return code
  }
}

function keep(cached, code) {
  // another process may read at the same time: it must see all of the file or none
  const partial = `${cached}.${process.pid}`
  try {
    mkdirSync(cache, { recursive: true })
    writeFileSync(partial, code)
    renameSync(partial, cached)
  } catch {
    // a checkout that this user may not write to: slower, but it works
  }
}

async function transform(file, text) {
  const esbuild = await import('esbuild')
  return esbuild.transform(text, {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    sourcefile: pathToFileURL(file).href,
  })
}
