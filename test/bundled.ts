import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isEmulated } from './effort.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))

/**
 * Arguments for node that run a script of which a test starts very many processes: one file of all its sources, for which
 * a process needs a fraction of the time. In the virtual machines, and where many tests run, it is there already.
 */
export async function bundled(script: URL): Promise<string[]> {
  const path = fileURLToPath(script)
  if (isEmulated) return [...process.execArgv, path]
  const built = process.env.BPFPIN_TEST_BUILT
  if (built !== undefined) return [join(built, relative(checkout, path)).replace(/ts$/, 'mjs')]
  const { build } = await import('esbuild')
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-bundled-'))
  process.once('exit', () => rmSync(directory, { recursive: true }))
  const outfile = join(directory, 'script.mjs')
  await build({
    entryPoints: [path],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    // all that is found by this are koffi and the fixtures, both from here
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  })
  return [outfile]
}
