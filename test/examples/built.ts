import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The path of a file of examples/. */
export function example(path: string): string {
  return fileURLToPath(new URL(`../../examples/${path}`, import.meta.url))
}

/** A script of examples/ as one file, in which `bpfpin` is what is in src: the path of the file. */
export async function builtExample(path: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-example-'))
  process.once('exit', () => rmSync(directory, { recursive: true }))
  const outfile = join(directory, 'example.mjs')
  await build({
    entryPoints: [example(path)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    alias: { bpfpin: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) },
    // koffi is found from here
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  })
  return outfile
}
