import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { compareSpecs } from '../../src/plan/against.ts'
import { verdictOf } from '../../src/plan/policy.ts'
import { pairNames, pairObject } from '../plan/pairs.ts'

const page = readFileSync(new URL('../../docs/upgrade.md', import.meta.url), 'utf8')

/** Rows of the table of changes: `| change | `verdict` | pairs |`. */
const rows = Array.from(page.matchAll(/^\|[^|]+\| `(\w+)` \| ([a-z, -]+) \|$/gm), ([, verdict, pairs]) => ({
  verdict,
  pairs: pairs!.split(', '),
})).filter(({ pairs }) => pairs.some(pair => pairNames().includes(pair)))

test('the table of changes has every pair once, with the verdict that it gets', () => {
  const listed = rows.flatMap(({ verdict, pairs }) => pairs.map(pair => [pair, verdict]))
  const verdicts = pairNames().map(pair => {
    const items = compareSpecs(
      openObject(pairObject(pair, 'old')).spec,
      openObject(pairObject(pair, 'new')).spec,
    )
    return [pair, verdictOf(items)]
  })
  assert.equal(listed.toSorted(), verdicts.toSorted())
})

test.run()
