// Runs the code of docs/maps.md, as one module.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'

const project = new URL('../../', import.meta.url)
const url = (path: string): string => new URL(path, project).href

needs(
  test,
  'root',
  'linux 6.2',
)('the code on the page of maps does what stands beside it', async () => {
  const page = readFileSync(new URL('docs/maps.md', project), 'utf8')
  const blocks = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code!)
  const code = blocks
    .join('')
    .replaceAll("'map-types.bpf.o'", `new URL('${url('test/fixtures/map-types.bpf.o')}').pathname`)
  let claims = 0
  const checked = code.replaceAll(/^( *)(.+) \/\/ => (.+)$/gm, (_, indent, expression, expected) => {
    claims++
    return `${indent}equal(${expression}, ${expected}, ${JSON.stringify(expression)})`
  })
  assert.ok(claims > 20)
  const module = `
    import { equal } from '${import.meta.resolve('uvu/assert')}'
    import { failure as error } from '${url('test/failure.ts')}'
    const failure = (run: () => unknown): string => error(run).message
    ${checked.replace("'bpfpin'", `'${url('src/index.ts')}'`)}`
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-page-'))
  try {
    const file = join(directory, 'page.ts')
    writeFileSync(file, module)
    await import(pathToFileURL(file).href)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()
