// The tool as one file, built before tests start it: a process that loads two hundred sources through hooks takes seconds.
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
// from here it finds package.json as its source does
const place = join(checkout, 'node_modules/.cache')

/** -> the path of a JavaScript file, new for each run: another may be using its own. */
export async function builtTool() {
  const path = join(place, `bpfpin-${process.pid}.mjs`)
  mkdirSync(place, { recursive: true })
  await build({
    entryPoints: [join(checkout, 'src/cli/main.ts')],
    outfile: `${path}.part`,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  renameSync(`${path}.part`, path)
  return path
}
