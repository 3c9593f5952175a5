import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Every code that stands in the sources as a string. */
function codesInSources(): string[] {
  const files = (readdirSync(new URL('../../src', import.meta.url), { recursive: true }) as string[]).filter(
    file => file.endsWith('.ts'),
  )
  const sources = [...files.map(file => `src/${file}`), 'scripts/build/part-loader.ts']
  const codes = sources.flatMap(file => [...read(file).matchAll(/'(ERR_[A-Z_]+)'/g)].map(match => match[1]!))
  return [...new Set(codes)].sort()
}

test('docs/errors.md lists each code of the sources, and no other', () => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `(ERR_[A-Z_]+)` \|/gm)].map(match => match[1]!)
  assert.equal(documented, codesInSources())
})

test('a code in the documentation is one of them', () => {
  const codes = codesInSources()
  for (const file of [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(new URL('../../docs', import.meta.url)).map(name => `docs/${name}`),
  ]) {
    for (const [code] of read(file).matchAll(/ERR_[A-Z_]+/g))
      assert.ok(codes.includes(code), `${code} in ${file}`)
  }
})

test.run()
