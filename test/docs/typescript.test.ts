import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { typecheck } from '../codegen/typecheck.ts'
import { snippetsOf } from './pages.ts'

/** Pages whose pieces of TypeScript go on where the one before ended, with what they do not say. */
const whole: Readonly<Record<string, string>> = {
  '../README.md': '',
  'events.md': 'declare function write(first: number, count: number): void',
  'maps.md': 'declare function failure(run: () => unknown): string',
  'upgrade.md': "import type { ObjectSpec } from 'bpfpin'\ndeclare const spec: ObjectSpec",
}
const inPieces = ['coming-from.md', 'errors.md', 'getting-started.md', 'pinning.md', 'testing-programs.md']

test('what the pages have in TypeScript compiles under --strict', () => {
  const pieces = (page: string): string[] =>
    snippetsOf(page).flatMap(({ language, text }) => (language === 'ts' ? [text] : []))
  const modules = [
    ...Object.entries(whole).map(([page, before]) => [page, [before, ...pieces(page)].join('\n')] as const),
    ...inPieces.flatMap(page => pieces(page).map((text, i) => [`${i}-${page}`, text] as const)),
  ]
  assert.ok(modules.length > 15)
  const files = modules.map(([page, text]) => [`${page.replace('../', '')}.ts`, `${text}\nexport {}\n`])
  assert.equal(typecheck(Object.fromEntries(files)), [])
})

test.run()
