import { readdirSync, readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { sourceName, sourcePath, src } from './places.ts'

/** What each file of src/ exports at run time. */
export type ExportedNames = ReadonlyMap<string, readonly string[]>

export async function exportedNames(): Promise<ExportedNames> {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    file => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('parser/assembly/'),
  )
  const { metafile } = await build({
    entryPoints: files,
    ...{ absWorkingDir: src, outdir: 'nowhere', write: false, metafile: true, format: 'esm' },
  })
  return new Map(
    Object.values(metafile.outputs).map(({ entryPoint, exports }) => [
      sourceName(src, entryPoint!)!,
      exports,
    ]),
  )
}

/** @throws Error - The file exports something that is no function: that cannot be loaded by being called. */
export function mustExportFunctions(file: string, names: readonly string[]): void {
  const text = readFileSync(sourcePath(file), 'utf8')
  for (const name of names) {
    if (!new RegExp(`^export (async )?function\\*? ${name}\\b`, 'm').test(text)) {
      throw new Error(`src/${file}.ts: '${name}' is no function, so it is not loaded on demand`)
    }
  }
}
