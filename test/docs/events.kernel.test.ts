// Runs the code of docs/events.md, as one module.
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
  'linux 6.1',
)('the code on the page of events prints what stands beside it', async () => {
  const page = readFileSync(new URL('docs/events.md', project), 'utf8')
  const code = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, block]) => block!).join('')
  const printed: unknown[] = []
  const module = `
    import { request } from '${url('test/map/events.ts')}'
    const write = (first, count) => request(object.programs.get('write_events'), first, count)
    export const printed: unknown[] = []
    const console = { log: (...values: unknown[]) => void printed.push(...values) }
    ${code
      .replace("'bpfpin'", `'${url('src/index.ts')}'`)
      .replace("'events.bpf.o'", `new URL('${url('test/fixtures/events.bpf.o')}').pathname`)}
    printed.push(writer.pending)`
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-page-'))
  try {
    const file = join(directory, 'page.ts')
    writeFileSync(file, module)
    printed.push(...(await import(pathToFileURL(file).href)).printed)
  } finally {
    rmSync(directory, { recursive: true })
  }
  assert.equal(printed, [
    { number: 1n, square: 1, kind: 'KIND_OPEN', name: 'b' },
    { number: 2n, square: 4, kind: 'KIND_CLOSE', name: 'c' },
    { number: 3n, square: 9, kind: 'KIND_OPEN', name: 'd' },
    ...[24, 7, 24, 32],
  ])
})

test.run()
