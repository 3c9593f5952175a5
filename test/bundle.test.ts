import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const src = new URL('../src/', import.meta.url)

/** The text of a bundle that runs anywhere, and every module that it still imports. */
async function bundle(entry: string): Promise<{ text: string; imports: string[]; inputs: string[] }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: entry, resolveDir: fileURLToPath(src), loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  return {
    text: outputFiles[0]!.text,
    imports: Object.values(metafile.outputs).flatMap(output => output.imports.map(({ path }) => path)),
    inputs: Object.keys(metafile.inputs),
  }
}

for (const room of ['elf', 'btf', 'parser', 'spec', 'plan']) {
  test(`all of '${room}' bundles without koffi, and needs no node`, async () => {
    const files = readdirSync(new URL(room, src), { encoding: 'utf8' }).filter(file =>
      /^[\w-]+(\.generated)?\.ts$/.test(file),
    )
    const { text, imports, inputs } = await bundle(
      files.map((file, i) => `export * as m${i} from './${room}/${file}'`).join('\n'),
    )
    assert.ok(text.length > 1000)
    assert.equal(imports, [])
    assert.not.match(text, /\bnode:|koffi/)
    assert.equal(
      inputs.filter(input => /koffi|src\/syscall/.test(input)),
      [],
    )
  })
}

test('an import that is not used costs nothing', async () => {
  const { text } = await bundle(`import './elf/index.ts'; import './btf/index.ts'; import './errors.ts'`)
  assert.is(text, '')
})

test.run()
